"""Masks that are given in memory."""

from collections.abc import Mapping

import numpy as np

from propago.conventions import VOID
from propago.detections import MAX_ID
from propago.errors import MaskError
from propago.io.annotations import fit_mask
from propago.io.source import Source
from propago.types import Annotation

LabelMaps = np.ndarray | Mapping[int, np.ndarray]
"""A label map (H, W) of the first frame, bool or whole numbers, or several by `Frame.index`.

255 is void where it is uint8."""


def annotations_of(masks: LabelMaps, source: Source, *, fit: bool) -> dict[int, Annotation]:
    """Masks by `Frame.index`, ascending; empty ones are left out.

    Args:
        masks: the label maps.
        source: the frames they belong to.
        fit: resize masks of another size than the frame.

    Raises:
        MaskError: no label map, one of another size, or one for no frame of the source.
    """
    by_index = {source.selected.start: masks} if isinstance(masks, np.ndarray) else dict(masks)
    given = {i: _annotation(by_index[i], i, source, fit) for i in sorted(by_index)}
    objects = {i: one for i, one in given.items() if one.ids}
    if not objects and any(one.void.any() for one in given.values()):
        raise MaskError(
            f"`masks` hold no object: {VOID} is void in uint8; of one object give `mask > 0`"
        )
    return objects


def _annotation(mask: np.ndarray, index: int, source: Source, fit: bool) -> Annotation:
    where, labels = f"the mask of frame {index} in `masks`", np.asarray(mask)
    if index not in source.selected or (source.last is not None and index > source.last):
        raise MaskError(f"{where} is for no frame that is read of {source.name}")
    if (
        labels.dtype.kind not in "bui"
        or labels.min(initial=0) < 0
        or labels.max(initial=0) > MAX_ID
    ):
        raise MaskError(f"{where} holds {labels.dtype}: a label map has whole numbers to {MAX_ID}")
    if labels.ndim != 2 or not (fit or labels.shape == source.size):
        raise MaskError(f"{where} is {labels.shape}; frames of {source.name} are {source.size}")
    wide = labels.dtype != np.uint8 and labels.max(initial=0) >= VOID
    return Annotation(fit_mask(labels.astype(np.uint16 if wide else np.uint8), source.size))
