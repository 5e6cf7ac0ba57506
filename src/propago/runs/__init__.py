"""The run engine: any loop over frames becomes a folder of results, resumable to the byte."""
