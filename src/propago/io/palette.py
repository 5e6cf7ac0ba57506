"""The colour map in which DAVIS and PASCAL VOC show object ids."""

import numpy as np

Colour = tuple[int, int, int]


def voc_palette() -> np.ndarray:
    """(256, 3) uint8 RGB colours of the ids.

    Bits 0, 1 and 2 of an id are the top bits of red, green and blue, bits 3, 4 and 5 the next
    lower ones, and so on (VOClabelcolormap of the PASCAL VOC development kit).
    """
    ids, levels = np.arange(256), np.arange(3)
    bits = ids[:, None, None] >> (3 * levels[:, None] + np.arange(3)) & 1
    return (bits << (7 - levels)[:, None]).sum(1).astype(np.uint8)


DAVIS_PALETTE: bytes = voc_palette().tobytes()
"""256 RGB triples, as Pillow's `putpalette` takes them."""

DAVIS_IDS: dict[Colour, int] = {
    (int(r), int(g), int(b)): i for i, (r, g, b) in enumerate(voc_palette())
}
"""The id of each colour of the palette."""
