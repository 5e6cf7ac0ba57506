"""Label maps as pages of a TIFF, one after the other, without a library that holds them all."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from propago.errors import MaskError

PAGE_NAME = 285
_SHORT, _LONG, _TEXT = 3, 4, 2
_HIGHEST = 0xFFFF0000


class TiffWriter:
    """A classic little-endian TIFF; each page is one deflated strip of 8 or 16 bits."""

    def __init__(self, file: BinaryIO) -> None:
        """`file` is empty, open for writing, and can be sought in."""
        self._file = file
        file.write(b"II*\0" + bytes(4))
        self._link = 4

    def append(self, labels: np.ndarray, name: str) -> None:
        """Write a page.

        Args:
            labels: (H, W) uint8 or uint16.
            name: goes into its PageName.

        Raises:
            MaskError: the file reaches 4 GB.
        """
        strip = zlib.compress(labels.astype(labels.dtype.newbyteorder("<")).tobytes(), 6)
        title = (name.encode() + b"\0").ljust(5, b"\0")
        at = self._file.seek(0, 2)
        self._file.write(strip + title + bytes((len(strip) + len(title)) % 2))
        where = self._file.tell()
        if where > _HIGHEST:
            raise MaskError("a TIFF holds 4 GB: write label-maps, or fewer frames")
        entries = list(_entries(labels, at, len(strip), len(title)))
        self._file.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
        self._file.seek(self._link)
        self._file.write(struct.pack("<I", where))
        self._link = where + 2 + 12 * len(entries)


def _entries(labels: np.ndarray, at: int, length: int, title: int) -> Iterator[bytes]:
    """The directory of a page: width, height, bits, deflate, black is 0, one strip, its name."""
    height, width = labels.shape
    for tag, kind, count, value in (
        (256, _LONG, 1, width),
        (257, _LONG, 1, height),
        (258, _SHORT, 1, labels.dtype.itemsize * 8),
        (259, _SHORT, 1, 8),
        (262, _SHORT, 1, 1),
        (273, _LONG, 1, at),
        (277, _SHORT, 1, 1),
        (278, _LONG, 1, height),
        (279, _LONG, 1, length),
        (PAGE_NAME, _TEXT, title, at + length),
    ):
        yield struct.pack("<HHII", tag, kind, count, value)
