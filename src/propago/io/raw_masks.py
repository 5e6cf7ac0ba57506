"""Mask files as they lie on disk: the one decoder behind every reader of masks.

It says which values a file holds; `propago.io.labels` says what they mean.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from propago.errors import MaskError, SourceError
from propago.io.array_masks import is_array, read_array
from propago.io.palette import DAVIS_PALETTE, voc_palette
from propago.io.png import SIGNATURE, decode_plain

_LOSSY = ("JPEG", "MPO", "JPEG2000", "WEBP")
_DAVIS = voc_palette()
_WHITE_IS_ZERO, _BITS_PER_SAMPLE, _PHOTOMETRIC = 0, 258, 262


@dataclass(frozen=True)
class RawMask:
    """The pixels of a mask file before anyone says what they mean.

    Attributes:
        format: Pillow's name of the file format, or "NumPy".
        mode: Pillow's name of the pixel layout.
        kind: "index", "grey" or "colour": what one value is.
        values: (H, W) uint8 or uint16, or (H, W, 3) uint8; perhaps read-only and not contiguous.
        palette: (256, 3) uint8 of an indexed picture.
        alpha: (H, W) uint8 of a picture that is not opaque all over.
        full: the highest value that the file could hold: 255, or 1 of a picture of one bit.
        lossy: the file format changed values.
    """

    format: str
    mode: str
    kind: Literal["index", "grey", "colour"]
    values: np.ndarray
    palette: np.ndarray | None = None
    alpha: np.ndarray | None = None
    full: int = 255
    lossy: bool = False

    @cached_property
    def has_davis_palette(self) -> bool:
        """Every index in use, of a picture that has indices, has the colour DAVIS gives it."""
        if self.palette is None:
            return False
        if np.array_equal(self.palette, _DAVIS):
            return True
        used = present(self.values)
        return bool((self.palette[used] == _DAVIS[used]).all())

    def by_colour(self) -> "RawMask":
        """An indexed or grey 8-bit picture as the colours that it shows."""
        if self.kind == "colour":
            return self
        shown = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
        palette = shown if self.palette is None else self.palette
        return replace(self, kind="colour", values=palette[self.values], palette=None)


def present(values: np.ndarray) -> np.ndarray:
    """The distinct values of a uint8 or uint16 array, ascending: those at which runs begin."""
    flat = values.ravel()
    begins = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)[: flat.size]
    return np.flatnonzero(np.bincount(flat[begins]))


def read_raw(path: Path) -> RawMask:
    """Decode a picture without interpreting it, turned as its orientation tag says.

    Values are those that stand in the file: PNG greys of 1, 2 and 4 bits are not stretched, and
    a TIFF that shows 0 as white is not inverted (tifffile stores booleans so, ImageJ an inverted
    look-up table).

    Raises:
        MaskError: it is no picture, it is damaged, it has several pages, or its values are none
            of 8-bit, 16-bit, colour or indexed.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MaskError(f"{path} cannot be read: {error.strerror or error}") from error
    if not data:
        raise MaskError(f"{path} is empty; replace the file or leave it out")
    plain = decode_plain(data)
    if plain is not None:
        values, palette = plain
        if palette is None:
            return RawMask("PNG", "L", "grey", values)
        return RawMask("PNG", "P", "index", values, _entries(palette))
    if is_array(data):
        return _of_array(path, data)
    if data[:2] in (b"II", b"MM") and (deep := _deep_tiff(path)) is not None:
        return deep
    try:
        with Image.open(BytesIO(data)) as picture:
            if (pages := getattr(picture, "n_frames", 1)) > 1:
                raise MaskError(
                    f"it holds {pages} pages; give one file per mask, named by frame, as "
                    "`propago convert` makes them"
                )
            raw = _decoded(picture, data)
    except MaskError as error:
        raise MaskError(f"{path}: {error}") from error
    except UnidentifiedImageError as error:
        raise MaskError(f"{path} is no picture; it cannot be read as a mask") from error
    except Exception as error:  # of a damaged file Pillow raises whatever it stumbles over
        raise MaskError(f"{path} cannot be read as a mask ({error})") from error
    return replace(raw, lossy=raw.format in _LOSSY and b"VP8L" not in data[:4096])


def _of_array(path: Path, data: bytes) -> RawMask:
    try:
        values = read_array(data)
        if values.dtype == bool:
            return RawMask("NumPy", "1", "grey", values.astype(np.uint8), full=1)
        if values.dtype == np.uint8:
            return RawMask("NumPy", "L", "grey", values)
        return RawMask("NumPy", "I;16", "grey", _sixteen_bits(values), full=65535)
    except MaskError as error:
        raise MaskError(f"{path}: {error}") from error


def _deep_tiff(path: Path) -> RawMask | None:
    """A TIFF of one page and more than 8 bits, of numbers of any type; None of any other."""
    from propago.io.tiff_pages import read_page, tiff_pages

    try:
        pages = tiff_pages(path)
        if len(pages) != 1 or pages[0].bits <= 8:
            return None
        values = read_page(path, pages[0])
    except SourceError as error:
        raise MaskError(f"{error}; it cannot be read as a mask") from error
    if values.ndim > 2:
        raise MaskError(f"{path}: it has {pages[0].bits} bits a colour; save it with 8")
    try:
        return RawMask("TIFF", "I;16", "grey", _sixteen_bits(values), full=65535)
    except MaskError as error:
        raise MaskError(f"{path}: {error}") from error


def _decoded(picture: Image.Image, data: bytes) -> RawMask:
    form, mode = str(picture.format), picture.mode
    inverted = getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    palette = picture.getpalette("RGB") if mode == "P" else None
    pixels = np.asarray(ImageOps.exif_transpose(picture))
    if palette is not None:
        return RawMask(form, mode, "index", pixels, _entries(bytes(palette)))
    if mode == "1":
        return RawMask(form, mode, "grey", (pixels ^ inverted).astype(np.uint8), full=1)
    if mode in ("L", "LA", "RGB", "RGBA"):
        values, alpha = _without_alpha(pixels)
        values = 255 - values if inverted else values // _step(data)
        if values.ndim == 3 and (values == values[..., :1]).all():
            values = np.ascontiguousarray(values[..., 0])
        return RawMask(form, mode, "grey" if values.ndim == 2 else "colour", values, alpha=alpha)
    if mode in ("I", "F") or mode.startswith("I;16"):
        return RawMask(form, mode, "grey", _sixteen_bits(pixels), full=65535)
    raise MaskError(f"its values are of the kind '{mode}'")


def _entries(palette: bytes) -> np.ndarray:
    """(256, 3) uint8; entries that a palette lacks are black."""
    if palette == DAVIS_PALETTE:
        return _DAVIS
    return np.frombuffer(palette[:768].ljust(768, b"\0"), np.uint8).reshape(256, 3)


def _without_alpha(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(H, W) or (H, W, 3) values, and alpha where it says something."""
    if pixels.ndim == 2 or pixels.shape[-1] == 3:
        return pixels, None
    colour, alpha = pixels[..., :-1], pixels[..., -1]
    colour = colour[..., 0] if colour.shape[-1] == 1 else colour
    return np.ascontiguousarray(colour), None if (alpha == 255).all() else alpha


def _step(data: bytes) -> np.uint8:
    """What Pillow multiplies a PNG's grey value of 2 or 4 bits by to fill the range up to 255."""
    is_grey = data[:8] == SIGNATURE and data[25] == 0
    return np.uint8(255 // ((1 << min(data[24], 8)) - 1)) if is_grey else np.uint8(1)


def _sixteen_bits(values: np.ndarray) -> np.ndarray:
    """Whole numbers of any type as uint16."""
    whole = values.dtype.kind in "iu" or bool((values == np.rint(values)).all())
    if not whole or values.min(initial=0) < 0 or values.max(initial=0) > 65535:
        raise MaskError("its values are no whole numbers from 0 to 65535")
    return values.astype(np.uint16)
