"""Whether the data of a JPEG are complete: decoders fill in missing parts without a word.

Markers as in ITU-T T.81, annex B.
"""

import re
from io import BytesIO

import numpy as np
from PIL import Image

BEGIN, END = b"\xff\xd8\xff", b"\xff\xd9"
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_SOS, _EOI = 0xDA, 0xD9
_PADDINGS = (b"\x55\xaa" * 64, b"\x00" * 128)


def is_whole(data: bytes) -> bool:
    """Whether a JPEG has all of its picture; data after the end marker are ignored.

    Without an end marker the picture is complete if it decodes to the same pixels whatever is
    appended.
    """
    at, scans = 2, False
    while marker := _MARKER.search(data, at):
        code = marker[1][0]
        if code == _EOI:
            return True
        scans = scans or code == _SOS
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    if not scans or at > len(data):
        return False
    try:
        one, other = (_decoded(data + padding + END) for padding in _PADDINGS)
    except (OSError, SyntaxError, ValueError):
        return False
    return np.array_equal(one, other)


def _decoded(data: bytes) -> np.ndarray:
    """By Pillow, which does not print what it finds."""
    with Image.open(BytesIO(data)) as picture:
        return np.asarray(picture)
