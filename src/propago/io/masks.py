"""Mask files: read what people draw and say how it was understood; write DAVIS PNGs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from propago.conventions import VOID
from propago.errors import MaskError
from propago.io.array_masks import ARRAY_SUFFIXES
from propago.io.atomic import replacing
from propago.io.labels import (
    ANNOTATION,
    AS_IT_STANDS,
    MAX_OBJECTS,
    LabelPolicy,
    Labels,
    labels_of,
)
from propago.io.palette import DAVIS_PALETTE
from propago.io.raw_masks import present, read_raw

__all__ = ["DAVIS_PALETTE", "MASK_SUFFIXES", "ReadMask", "read_mask", "write_mask"]

MASK_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif", *ARRAY_SUFFIXES)
_Z_RLE = 3
_LEGAL = (
    "a mask is an indexed PNG (index = object id), a grey PNG of 0 and 255 or of the ids "
    "themselves, a 16-bit PNG, TIFF or .npy of ids, or flat RGB colours on black"
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
    path: str | Path, policy: LabelPolicy = ANNOTATION, *, may_be_empty: bool = False
) -> ReadMask:
    """Read one mask; `propago.io.labels.labels_of` has the rules.

    Args:
        path: an image file of a lossless format.
        policy: what pictures do not say; `shared_policy` makes several files agree.
        may_be_empty: accept a mask without any object.

    Raises:
        MaskError: unreadable, JPEG, anti-aliased, empty, more than 254 objects.
    """
    path = Path(path)
    labels, notes = _read(path, policy)
    _refuse_count(path, labels, may_be_empty)
    narrow = labels.dtype == np.uint16 and labels.max(initial=0) < VOID
    return ReadMask(labels.astype(np.uint8) if narrow else labels, notes)


def read_labels(path: Path, policy: LabelPolicy = AS_IT_STANDS) -> np.ndarray:
    """The (H, W) uint8 or uint16 label map in a file, however many objects it has.

    Raises:
        MaskError: unreadable, JPEG, anti-aliased.
    """
    return _read(path, policy)[0]


def write_mask(path: str | Path, labels: np.ndarray) -> None:
    """Write a label map as PNG: uint8 indexed with the DAVIS palette, uint16 as 16-bit grey.

    The file is either whole or not there. Run lengths compress flat areas better and faster
    than zlib's default search for repeats does.

    Raises:
        MaskError: not (H, W) uint8 or uint16.
        OutputError: it cannot be written.
    """
    path = Path(path)
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


def _read(path: Path, policy: LabelPolicy) -> Labels:
    raw = read_raw(path)
    try:
        return labels_of(raw, policy)
    except MaskError as error:
        raise MaskError(f"{path}: {error}; {_LEGAL}") from error


def _refuse_count(path: Path, labels: np.ndarray, may_be_empty: bool) -> None:
    ids = present(labels)
    void = labels.dtype == np.uint8
    objects = int(((ids != 0) & ~(void & (ids == VOID))).sum())
    if objects == 0 and not may_be_empty:
        more = " and void" if VOID in ids else ""
        raise MaskError(f"{path} holds no object, only background{more}; {_LEGAL}")
    if objects > MAX_OBJECTS:
        raise MaskError(f"{path} holds {objects} objects, at most {MAX_OBJECTS} are legal")
