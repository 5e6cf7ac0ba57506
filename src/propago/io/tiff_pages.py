"""The pages of a TIFF file of any layout: byte order, strips or tiles, planes, depth.

Pillow reads pages of up to 8 bits. It cuts deeper colours to 8 bits and swaps no bytes of some
compressed ones; OpenCV leaves memory unset where it converts 16-bit colours, and mixes up planes.
So a deeper page is handed to OpenCV as a file of its own, plane by plane, and not converted.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageOps

from propago.errors import SourceError

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_ORIENTATION, _SAMPLES, _PLANAR = 274, 277, 284
_DESCRIPTION = 270
OFFSETS, COUNTS = (273, 324), (279, 325)
_SHORTS = (_BITS, _COMPRESSION, _PHOTOMETRIC, 266, _SAMPLES, _PLANAR, 317, 338, 339)
_LONGS = (_WIDTH, _HEIGHT, 278, 322, 323)
_TYPES = {
    1: "B",
    2: "B",
    3: "H",
    4: "I",
    6: "b",
    8: "h",
    9: "i",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
_SEPARATE, _MAX_PAGES = 2, 1_000_000


@dataclass(frozen=True)
class TiffPage:
    """One page as the file describes it.

    Attributes:
        index: its place in the file.
        order: "<" or ">", the byte order of the file.
        tags: the whole numbers of each tag; the bytes of texts.
        listed: whether the file has a directory of it; `propago.io.tiff_axes` finds others.
    """

    index: int
    order: str
    tags: dict[int, tuple[int, ...]]
    listed: bool = True

    def first(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        return self.tags.get(tag, (default,))[0]

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return self.first(_BITS, 1)

    @property
    def description(self) -> str:
        """What the writer says of the whole file, on its first page."""
        text = bytes(self.tags.get(_DESCRIPTION, ()))
        return text.rstrip(b"\0").decode("utf-8", "replace").strip()


def is_tiff(head: bytes) -> bool:
    """Whether a file that begins like this is a TIFF or BigTIFF."""
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def tiff_pages(path: Path) -> list[TiffPage]:
    """The pages of a file, in order, without thumbnails; their pixels are not read.

    Raises:
        SourceError: unreadable, or no TIFF.
    """
    try:
        with path.open("rb") as file:
            return [page for page in _pages(file) if not page.first(_SUBFILE, 0) & 1]
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except (struct.error, ValueError, KeyError, OverflowError, MemoryError) as error:
        raise SourceError(f"{path} is no readable TIFF: its directory is damaged") from error


def read_page(path: Path, page: TiffPage) -> np.ndarray:
    """The stored values of a page, turned as its orientation tag says.

    Args:
        path: the file.
        page: one of its `tiff_pages`.

    Returns:
        (H, W), (H, W, 3) RGB or (H, W, 4) of its own type: bool, unsigned, signed or float. 8-bit
        colours of any model are RGB; 8-bit grey where white is zero is as it is shown.

    Raises:
        SourceError: damaged, or of 2 or more than 4 samples a pixel.
    """
    try:
        if page.bits in (16, 32, 64) or not page.listed:
            return _turned(_wide(path, page), page.first(_ORIENTATION, 1))
        with Image.open(path) as picture:
            picture.seek(page.index)
            shown = ImageOps.exif_transpose(picture)
            grey = shown.mode in ("1", "L") or shown.mode.startswith("I")
            return np.array(shown if grey else shown.convert("RGB"))
    except Exception as error:  # of a damaged file decoders raise whatever they stumble over
        raise SourceError(f"{path} breaks at page {page.index}: {error}") from error


def read_rgb_page(path: Path, page: TiffPage) -> np.ndarray:
    """(H, W, 3) of a page: grey repeated, alpha dropped, black and white as 0 and 255.

    Raises:
        SourceError: as `read_page`.
    """
    values = read_page(path, page)
    values = values.astype(np.uint8) * np.uint8(255) if values.dtype == bool else values
    return values[..., :3] if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)


def _pages(file: BinaryIO) -> list[TiffPage]:
    head = file.read(16)
    if not is_tiff(head):
        raise ValueError("no TIFF")
    order, big = "<" if head[:2] == b"II" else ">", 43 in (head[2], head[3])
    where = struct.unpack(order + ("Q" if big else "I"), head[8:16] if big else head[4:8])[0]
    pages: list[TiffPage] = []
    seen: set[int] = set()
    while where and where not in seen and len(pages) < _MAX_PAGES:
        seen.add(where)
        file.seek(where)
        (n,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
        entries = file.read(n * (20 if big else 12))
        (where,) = struct.unpack(order + ("Q" if big else "I"), file.read(8 if big else 4))
        pages.append(TiffPage(len(pages), order, dict(_entries(file, entries, order, big))))
    return pages


def _entries(file: BinaryIO, entries: bytes, order: str, big: bool):
    """(tag, whole numbers) of each entry of a directory; fractions are passed over."""
    head, size, space = ("HHQ", 20, 8) if big else ("HHI", 12, 4)
    for at in range(0, len(entries), size):
        tag, kind, count = struct.unpack_from(order + head, entries, at)
        if kind not in _TYPES:
            continue
        form = f"{order}{count}{_TYPES[kind]}"
        data = entries[at + size - space : at + size]
        if struct.calcsize(form) > space:
            file.seek(struct.unpack(order + ("Q" if big else "I"), data)[0])
            data = file.read(struct.calcsize(form))
        yield tag, struct.unpack_from(form, data)


def _wide(path: Path, page: TiffPage) -> np.ndarray:
    samples = page.first(_SAMPLES, 1)
    if samples not in (1, 3, 4):
        raise ValueError(f"it has {samples} samples a pixel; 1, 3 and 4 are legal: convert it")
    planes = samples if page.first(_PLANAR, 1) == _SEPARATE else 1
    with path.open("rb") as file:
        found = [_opencv(_one_plane(file, page, n, planes)) for n in range(planes)]
    if planes > 1:
        return np.stack(found, axis=-1)
    values = found[0]
    return values if values.ndim == 2 else np.concatenate([values[..., 2::-1], values[..., 3:]], -1)


def _opencv(data: bytes) -> np.ndarray:
    values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError("its pixels cannot be decoded")
    return values


def _one_plane(file: BinaryIO, page: TiffPage, n: int, planes: int) -> bytes:
    """A TIFF of the n-th of `planes` planes of a page; the samples stay compressed as they are."""
    tags = dict(page.tags)
    tags[_PLANAR] = (1,)
    tags[_SAMPLES] = (1,) if planes > 1 else tags.get(_SAMPLES, (1,))
    tags[_PHOTOMETRIC] = (1,) if tags[_SAMPLES] == (1,) else (2,)
    if planes > 1:
        tags.pop(338, None)
        tags |= {tag: tags[tag][:1] for tag in (_BITS, 339) if tag in tags}
    offsets, counts = (two[two[1] in tags] for two in (OFFSETS, COUNTS))
    per_plane = len(tags[offsets]) // planes
    mine = slice(n * per_plane, (n + 1) * per_plane)
    parts, at, places = [], 8, []
    for where, length in zip(tags[offsets][mine], tags[counts][mine], strict=True):
        file.seek(where)
        parts.append(file.read(length))
        if len(parts[-1]) < length:
            raise ValueError("its data end early")
        places.append(at)
        at += length
    tags |= {offsets: tuple(places), counts: tags[counts][mine]}
    kept = {t: v for t, v in tags.items() if t in (*_SHORTS, *_LONGS, offsets, counts)}
    return _file_of(page.order, b"".join(parts), kept)


def _file_of(order: str, data: bytes, tags: dict[int, tuple[int, ...]]) -> bytes:
    """A classic TIFF file: header, pixels, one directory, and the longer values."""
    data += bytes(len(data) % 2)
    where = 8 + len(data)
    behind, extra = where + 2 + 12 * len(tags) + 4, b""
    entries = struct.pack(order + "H", len(tags))
    for tag, values in sorted(tags.items()):
        kind = "H" if tag in _SHORTS else "I"
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        entries += struct.pack(order + "HHI", tag, 3 if kind == "H" else 4, len(values))
        if len(packed) <= 4:
            entries += packed.ljust(4, b"\0")
        else:
            entries += struct.pack(order + "I", behind + len(extra))
            extra += packed + bytes(len(packed) % 2)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    head = magic + struct.pack(order + "I", where)
    return head + data + entries + bytes(4) + extra


def _turned(values: np.ndarray, orientation: int) -> np.ndarray:
    """As EXIF orientation 1 to 8 says: transposed from 5 on, mirrored in columns, in rows."""
    turned = values.swapaxes(0, 1) if orientation >= 5 else values
    turned = turned[:, ::-1] if orientation in (2, 3, 6, 7) else turned
    return np.ascontiguousarray(turned[::-1] if orientation in (3, 4, 7, 8) else turned)
