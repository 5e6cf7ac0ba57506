"""The studio: a page in the browser to draw first masks, correct and review; its server."""
