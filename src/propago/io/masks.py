"""Mask files: read what people draw and say how it was understood; write DAVIS PNGs."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from propago.errors import MaskError
from propago.io.atomic import replacing
from propago.io.labels import (
    MAX_OBJECTS,
    Labels,
    colour_ids,
    colours_in,
    ids_from_colours,
    ids_from_grey,
    ids_from_indices,
    present,
    without_alpha,
)
from propago.io.palette import DAVIS_PALETTE, Colour
from propago.types import VOID

__all__ = [
    "DAVIS_PALETTE",
    "MASK_SUFFIXES",
    "ReadMask",
    "fit_mask",
    "read_mask",
    "shared_colours",
    "write_mask",
]

MASK_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif")
_LOSSLESS = ("PNG", "TIFF", "BMP", "GIF")
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_Z_RLE = 3
_LEGAL = (
    "a mask is an indexed PNG (index = object id), a grey PNG of 0 and 255 or of the ids "
    "themselves, a 16-bit PNG or TIFF of ids, or flat RGB colours on black"
)


@dataclass(frozen=True)
class ReadMask:
    """A mask file as a label map.

    Attributes:
        labels: (H, W) uint8 (0 background, 255 void), or uint16 where an id exceeds 254.
        notes: what had to be interpreted, in sentences for the user.
    """

    labels: np.ndarray
    notes: tuple[str, ...] = ()


def read_mask(
    path: Path, *, colours: Mapping[Colour, int] | None = None, may_be_empty: bool = False
) -> ReadMask:
    """Read one mask; `ids_from_indices`, `ids_from_grey`, `ids_from_colours` are the rules.

    Args:
        path: an image file of a lossless format.
        colours: the ids of RGB colours, so that several files agree: `shared_colours`.
        may_be_empty: accept a mask without any object.

    Raises:
        MaskError: unreadable, JPEG, anti-aliased, empty, more than 254 objects.
    """
    with _opened(path) as picture:
        labels, notes = _labels(picture, colours)
        _refuse_count(labels, may_be_empty)
    narrow = labels.dtype == np.uint16 and labels.max(initial=0) < VOID
    return ReadMask(labels.astype(np.uint8) if narrow else labels, notes)


def shared_colours(paths: Iterable[Path]) -> dict[Colour, int] | None:
    """One id per colour for all RGB masks among `paths`, in the order in which they appear.

    Returns:
        None where no mask is RGB.

    Raises:
        MaskError: as `read_mask`.
    """
    found: dict[Colour, None] = {}
    for path in paths:
        with _opened(path) as picture:
            if picture.mode not in ("RGB", "RGBA"):
                continue
            rgb, _ = _values(picture)
            if rgb.ndim == 3 and not (rgb == rgb[..., :1]).all():
                found |= dict.fromkeys(colours_in(rgb))
    return colour_ids(found) if found else None


def write_mask(path: Path, labels: np.ndarray) -> None:
    """Write a label map as PNG: uint8 indexed with the DAVIS palette, uint16 as 16-bit grey.

    The file is either whole or not there. Run lengths compress flat areas better and faster
    than zlib's default search for repeats does.

    Raises:
        MaskError: not (H, W) uint8 or uint16.
        OutputError: it cannot be written.
    """
    if labels.ndim != 2 or labels.dtype not in (np.uint8, np.uint16):
        raise MaskError(
            f"{path.name}: a label map is (H, W) uint8 or uint16; this one is {labels.shape} "
            f"{labels.dtype}"
        )
    picture = Image.fromarray(np.ascontiguousarray(labels))
    if labels.dtype == np.uint8:
        picture.putpalette(DAVIS_PALETTE)
    with replacing(path) as temporary:
        picture.save(temporary, "PNG", compress_type=_Z_RLE)


def fit_mask(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A label map resized to (height, width) by nearest neighbour; ids are never mixed."""
    if labels.shape == size:
        return labels
    return cv2.resize(labels, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture of a mask file; a MaskError of the block gets the file and what is legal."""
    try:
        picture = Image.open(path)
    except _UNREADABLE as error:
        raise MaskError(f"{path} cannot be read as a mask ({error}); {_LEGAL}") from error
    with picture:
        try:
            _refuse_lossy_or_many(picture)
            yield picture
        except MaskError as error:
            raise MaskError(f"{path}: {error}; {_LEGAL}") from error


def _refuse_lossy_or_many(picture: Image.Image) -> None:
    if picture.format not in _LOSSLESS:
        raise MaskError(
            f"it is {picture.format}, which changes pixel values when it compresses; save it as PNG"
        )
    if (pages := getattr(picture, "n_frames", 1)) > 1:
        raise MaskError(f"it holds {pages} pages; give one file per mask, named by frame")


def _loaded(picture: Image.Image) -> np.ndarray:
    try:
        return np.asarray(picture)
    except _UNREADABLE as error:
        raise MaskError(f"it is damaged ({error})") from error


def _labels(picture: Image.Image, colours: Mapping[Colour, int] | None) -> Labels:
    if picture.mode == "P":
        return ids_from_indices(_loaded(picture), bytes(picture.getpalette("RGB") or b""))
    values, notes = _values(picture)
    labels, more = ids_from_grey(values) if values.ndim == 2 else ids_from_colours(values, colours)
    return labels, (*notes, *more)


def _values(picture: Image.Image) -> Labels:
    """(H, W) uint8 or uint16 or (H, W, 3) uint8 values; alpha is resolved."""
    if picture.mode == "1":
        return _loaded(picture).astype(np.uint8), ()
    if picture.mode in ("L", "RGB"):
        return _loaded(picture), ()
    if picture.mode in ("LA", "RGBA"):
        return without_alpha(_loaded(picture))
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        wide = _loaded(picture).astype(np.int64)
        if wide.min() >= 0 and wide.max() < 2**16:
            return wide.astype(np.uint16), ()
    raise MaskError(f"its values are of the kind '{picture.mode}' or beyond 16 bits")


def _refuse_count(labels: np.ndarray, may_be_empty: bool) -> None:
    ids = present(labels)
    void = labels.dtype == np.uint8
    objects = int(((ids != 0) & ~(void & (ids == VOID))).sum())
    if objects == 0 and not may_be_empty:
        raise MaskError(
            "it holds no object, only background" + (" and void" if VOID in ids else "")
        )
    if objects > MAX_OBJECTS:
        raise MaskError(f"it holds {objects} objects, at most {MAX_OBJECTS} are legal")
