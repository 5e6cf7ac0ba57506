"""Label maps from PNG files, several times as fast as through an imaging library.

A PNG of a label map is a zlib stream of rows, each behind one filter byte. Where all filter bytes
say "none", which is how Pillow and the DAVIS files store palette pictures, the inflated bytes are
the picture. Anything else (1, 2, 4 and 16 bits, filters, interlacing) goes through Pillow.
"""

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from propago.errors import MaskError, SourceError

try:
    from isal.isal_zlib import IsalError, decompress

    DAMAGED: Any = (zlib.error, IsalError)
except ImportError:
    from zlib import decompress

    DAMAGED = (zlib.error,)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, PALETTE = 0, 3
MAX_PIXELS = 1 << 28


def read_labels(path: Path) -> np.ndarray:
    """The label map in a PNG file: palette indices or grey values, as they stand in the file.

    Args:
        path: an indexed PNG of 1, 2, 4 or 8 bits or a grey one of up to 16 bits.

    Returns:
        (H, W) uint8, or uint16 for a 16-bit file; perhaps not contiguous and not writable.

    Raises:
        SourceError: the file is missing or no readable picture.
        MaskError: the file holds colours instead of labels.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    labels = decode_plain(data)
    return _decode_any(data, path) if labels is None else labels


def decode_plain(data: bytes) -> np.ndarray | None:
    """The label map of an 8-bit palette or grey PNG without filters, else None.

    Args:
        data: a whole PNG file.

    Returns:
        (H, W) uint8 view of the inflated bytes; None where Pillow has to look at the file.
    """
    if data[:8] != SIGNATURE or data[12:16] != b"IHDR":
        return None
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    depth, colour, interlaced = data[24], data[25], data[28]
    if depth != 8 or colour not in (GREY, PALETTE) or interlaced:
        return None
    size = height * (width + 1)
    if not 0 < size <= MAX_PIXELS:
        return None
    try:
        pixels = decompress(_image_data(data), 15, size)
    except DAMAGED:
        return None
    if len(pixels) != size:
        return None
    rows = np.frombuffer(pixels, np.uint8).reshape(height, width + 1)
    return None if rows[:, 0].any() else rows[:, 1:]


def _image_data(data: bytes) -> bytes:
    """The zlib stream: the contents of all IDAT chunks."""
    parts, at = [], 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IDAT":
            parts.append(data[at + 8 : at + 8 + length])
        at += length + 12
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _decode_any(data: bytes, path: Path) -> np.ndarray:
    """The label map of any other picture that holds one."""
    try:
        with Image.open(BytesIO(data)) as image:
            if image.mode == "1":
                return np.asarray(image).astype(np.uint8)
            if image.mode == "P":
                return np.asarray(image)
            if image.mode == "L":
                return np.asarray(image) // _grey_step(data)
            if image.mode.startswith("I"):
                return _sixteen_bits(np.asarray(image), path)
            mode = image.mode
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise SourceError(f"{path} is not a readable PNG: {error}") from error
    raise MaskError(
        f"{path} is a {mode} picture; a label map is an indexed or grey PNG whose values are "
        f"object ids. `propago doctor --fix` converts a folder of colour masks"
    )


def _grey_step(data: bytes) -> np.uint8:
    """What Pillow multiplies a grey value of 2 or 4 bits by to fill the range up to 255."""
    depth = data[24] if data[:8] == SIGNATURE else 8
    return np.uint8(255 // ((1 << depth) - 1))


def _sixteen_bits(values: np.ndarray, path: Path) -> np.ndarray:
    if values.min(initial=0) < 0 or values.max(initial=0) > np.iinfo(np.uint16).max:
        raise MaskError(f"{path} has values outside 0..65535; object ids are 16-bit at most")
    return values.astype(np.uint16)
