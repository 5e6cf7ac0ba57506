"""Indices and grey values of PNG files, several times as fast as through an imaging library.

A PNG of a label map is a zlib stream of rows, each behind one filter byte. Where all filter bytes
say "none", which is how Pillow and the DAVIS files store palette pictures, the inflated bytes are
the picture. Anything else (1, 2, 4 and 16 bits, filters, interlacing) is left to Pillow.
"""

import zlib
from pathlib import Path
from typing import Any

import numpy as np

try:
    from isal.isal_zlib import IsalError, decompress

    DAMAGED: Any = (zlib.error, IsalError)
except ImportError:
    from zlib import decompress

    DAMAGED = (zlib.error,)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, PALETTE = 0, 3
MAX_PIXELS = 1 << 28
_HEAD, _IHDR_END = 1024, 33


def decode_plain(data: bytes) -> tuple[np.ndarray, bytes | None] | None:
    """The pixels of an 8-bit palette or grey PNG without filters.

    Args:
        data: a whole PNG file.

    Returns:
        (H, W) uint8 view of the inflated bytes, and the RGB triples of the palette where there is
        one; None where another decoder has to look at the file.
    """
    if len(data) < _IHDR_END or data[:8] != SIGNATURE or data[12:16] != b"IHDR":
        return None
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    depth, colour, interlaced = data[24], data[25], data[28]
    if depth != 8 or colour not in (GREY, PALETTE) or interlaced:
        return None
    size, chunks = height * (width + 1), _chunks(data)
    if not 0 < size <= MAX_PIXELS or b"eXIf" in chunks or b"tRNS" in chunks:
        return None
    try:
        pixels = decompress(b"".join(chunks.get(b"IDAT", ())), 15, size)
    except DAMAGED:
        return None
    if len(pixels) != size:
        return None
    rows = np.frombuffer(pixels, np.uint8).reshape(height, width + 1)
    palette = b"".join(chunks.get(b"PLTE", ())) if colour == PALETTE else None
    return None if rows[:, 0].any() else (rows[:, 1:], palette)


def palette_of(path: Path) -> bytes | None:
    """The RGB triples of an indexed PNG; b"" of a grey one; None of any other file.

    Only the beginning of the file is read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    if head[:8] != SIGNATURE or head[25:26] not in (bytes([GREY]), bytes([PALETTE])):
        return None
    return b"".join(_chunks(head).get(b"PLTE", ()))


def _chunks(data: bytes) -> dict[bytes, list[bytes]]:
    """The contents of the chunks by name."""
    found, at = {}, 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        found.setdefault(data[at + 4 : at + 8], []).append(data[at + 8 : at + 8 + length])
        at += length + 12
    return found
