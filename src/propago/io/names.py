"""The order of file names. Imports nothing heavy, so that jobs on label maps start fast."""

import re


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key in which numbers count as numbers: frame2 before frame10."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p]
