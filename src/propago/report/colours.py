"""The colours of objects in reports: the same in curves, timelines and pictures."""

import numpy as np

HUES = ("#3b82d9", "#d9720b", "#1f9d63", "#c04fb0", "#d64545", "#1697a6", "#8266d4", "#97802a")
"""Of objects 1 to 8; higher ids repeat them. Each stands out from white and from near-black."""


def hue_of(object_id: int) -> int:
    """The place in `HUES` of an object's colour."""
    return (object_id - 1) % len(HUES)


def colour_table() -> np.ndarray:
    """(256, 3) uint8 RGB of each id; 0 is black."""
    hues = [tuple(bytes.fromhex(hue[1:])) for hue in HUES]
    return np.array([(0, 0, 0), *(hues[hue_of(i)] for i in range(1, 256))], np.uint8)
