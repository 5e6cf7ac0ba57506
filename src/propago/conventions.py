"""Numbers that everyone agrees on. Imports nothing, so that jobs on label maps start fast."""

VOID = 255
"""In a uint8 label map: a pixel that nobody vouches for. In uint16 label maps 255 is an id."""
