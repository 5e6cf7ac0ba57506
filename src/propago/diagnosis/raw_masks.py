"""Mask files as they lie on disk: which values they hold, and which of them are only blends.

`read_mask` interprets or refuses; this module looks, so that `propago doctor` can say what is
wrong and mend it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from propago.errors import MaskError
from propago.io.labels import without_alpha
from propago.io.palette import voc_palette

LOSSY_SPREAD = 8
"""How much the values of a flat area may differ after lossy compression."""

_LOSSY = ("JPEG", "MPO", "WEBP", "JPEG2000")
_DAVIS = voc_palette()
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class RawMask:
    """The pixels of a mask file before anyone says what they mean.

    Attributes:
        format: Pillow's name of the file format.
        mode: Pillow's name of the pixel layout.
        kind: "index", "grey" or "colour": what one value is.
        values: (H, W) uint8 or uint16, or (H, W, 3) uint8.
        palette: (256, 3) uint8 of an indexed picture.
        soft_alpha: some pixels are half transparent.
    """

    format: str
    mode: str
    kind: Literal["index", "grey", "colour"]
    values: np.ndarray
    palette: np.ndarray | None = None
    soft_alpha: bool = False

    @property
    def lossy(self) -> bool:
        """Saved in a format that may change values."""
        return self.format in _LOSSY

    def has_davis_colours(self, indices: np.ndarray) -> bool:
        """Whether DAVIS gives these palette indices the colours that they have here."""
        return self.palette is None or bool((self.palette[indices] == _DAVIS[indices]).all())

    def by_colour(self) -> "RawMask":
        """An indexed or grey 8-bit picture as the colours that it shows."""
        if self.kind == "colour":
            return self
        shown = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
        palette = shown if self.palette is None else self.palette
        return replace(self, kind="colour", values=palette[self.values], palette=None)


@dataclass(frozen=True)
class Levels:
    """The distinct values of a picture.

    Attributes:
        coordinates: (N, 1) index or grey value, or (N, 3) colour; int64.
        pixels: (N,) how many pixels have it.
        blends: (N,) how many of these lie strictly between their neighbours.
        core: (N,) how many of these lie in a flat 3x3 neighbourhood.
        place: (H, W) the level of each pixel.
    """

    coordinates: np.ndarray
    pixels: np.ndarray
    blends: np.ndarray
    core: np.ndarray
    place: np.ndarray

    @property
    def soft(self) -> np.ndarray:
        """(N,) bool: levels more than half of whose pixels are blends."""
        return self.blends > self.pixels / 2


def read_raw(path: Path) -> RawMask:
    """Decode a picture without interpreting it.

    Raises:
        MaskError: it is no picture, it is damaged, it has several pages, or its values are none
            of 8-bit, 16-bit, colour or indexed.
    """
    try:
        with Image.open(path) as picture:
            pages = getattr(picture, "n_frames", 1)
            pixels = np.asarray(picture)
            palette = picture.getpalette("RGB") if picture.mode == "P" else None
            file_format, mode = str(picture.format), picture.mode
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise MaskError(f"it cannot be decoded ({error})") from error
    if pages > 1:
        raise MaskError(f"it holds {pages} pages")
    if palette is not None:
        entries = np.zeros((256, 3), np.uint8)
        entries[: len(palette) // 3] = np.array(palette, np.uint8).reshape(-1, 3)[:256]
        return RawMask(file_format, mode, "index", pixels, entries)
    values, soft_alpha = _opaque(_unsigned(pixels, mode))
    kind = "grey" if values.ndim == 2 else "colour"
    return RawMask(file_format, mode, kind, values, soft_alpha=soft_alpha)


def levels_of(raw: RawMask) -> Levels:
    """Which values a picture holds, and whether they fill areas or only soften edges.

    Neighbouring values are compared as indices where the palette is DAVIS's, else as colours.
    """
    keys = _keys(raw.values)
    starts = np.append(0, np.flatnonzero(keys.ravel()[1:] != keys.ravel()[:-1]) + 1)
    lengths = np.diff(starts, append=keys.size)
    present, level_of_run = np.unique(keys.ravel()[starts], return_inverse=True)
    pixels = np.bincount(level_of_run, lengths)
    coordinates = _coordinates(present, raw)
    place = np.repeat(level_of_run.astype(np.int32), lengths).reshape(keys.shape)
    if len(present) < 3:
        return Levels(coordinates, pixels, np.zeros(len(present)), pixels, place)
    plain = raw.palette is None or raw.has_davis_colours(present)
    shown = raw.values if plain else raw.by_colour().values
    blend, uneven = _blends_and_uneven(shown, LOSSY_SPREAD if raw.lossy else 0)
    blends = np.bincount(place[blend], minlength=len(present))
    core = pixels - np.bincount(place[uneven], minlength=len(present))
    return Levels(coordinates, pixels, blends, core, place)


def _blends_and_uneven(values: np.ndarray, spread: int) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool each: strictly between the neighbours in a channel; an uneven neighbourhood."""
    blend = np.zeros(values.shape[:2], bool)
    uneven = np.zeros(values.shape[:2], bool)
    for plane in np.moveaxis(values.reshape(*values.shape[:2], -1), -1, 0):
        plane = np.ascontiguousarray(plane)
        low, high = cv2.erode(plane, _SQUARE), cv2.dilate(plane, _SQUARE)
        blend |= (plane > low) & (plane < high)
        uneven |= high - low > spread
    return blend, uneven


def _keys(values: np.ndarray) -> np.ndarray:
    """(H, W) one number per pixel, different for different values."""
    if values.ndim == 2:
        return values
    wide = values.astype(np.uint32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _coordinates(keys: np.ndarray, raw: RawMask) -> np.ndarray:
    if raw.values.ndim == 2:
        return keys.astype(np.int64)[:, None]
    return np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=1).astype(np.int64)


def _unsigned(pixels: np.ndarray, mode: str) -> np.ndarray:
    if mode == "1":
        return pixels.astype(np.uint8)
    if mode in ("L", "LA", "RGB", "RGBA"):
        return pixels
    if mode == "I" or mode.startswith("I;16"):
        wide = pixels.astype(np.int64)
        if wide.min() >= 0 and wide.max() < 2**16:
            return wide.astype(np.uint16)
    raise MaskError(f"its values are of the kind '{mode}' or beyond 16 bits")


def _opaque(pixels: np.ndarray) -> tuple[np.ndarray, bool]:
    """Values without alpha, colours that are all grey as grey; was anything half transparent?"""
    soft = False
    if pixels.ndim == 3 and pixels.shape[-1] in (2, 4):
        alpha = pixels[..., -1]
        soft = bool(((alpha > 0) & (alpha < 255)).any())
        hard = np.where(alpha >= 128, 255, 0).astype(np.uint8)
        pixels, _ = without_alpha(np.concatenate([pixels[..., :-1], hard[..., None]], axis=-1))
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    return np.ascontiguousarray(pixels), soft
