"""Soft masks as grey PNGs: FRAME.png of one object or ID/FRAME.png of each."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from propago.errors import SourceError
from propago.io.atomic import replacing
from propago.io.mask_sequence import Masks, MaskSequence, require_soft
from propago.io.soft_masks import soft_masks_in


def sniff(path: Path) -> bool:
    """Never: label maps look the same."""
    return False


def read(path: Path) -> MaskSequence:
    """The soft masks, in the order of their names.

    Raises:
        SourceError: there are none.
    """
    readers = soft_masks_in(path, pictures=True)
    if not readers:
        raise SourceError(f"{path} holds no grey PNGs of soft masks: FRAME.png or ID/FRAME.png")
    return MaskSequence(path, readers)


def write(path: Path, masks: Iterable[tuple[str, Masks]]) -> None:
    """Write ID/FRAME.png of 16 bits for each object.

    Raises:
        MaskError: label maps came, which say nothing between 0 and 1.
        OutputError: it cannot be written.
    """
    for name, mask in masks:
        soft = require_soft(name, mask)
        levels = np.rint(soft.probabilities.numpy(force=True) * 65535).astype(np.uint16)
        for object_id, plane in zip(soft.ids, levels, strict=True):
            with replacing(path / str(object_id) / f"{name}.png") as unfinished:
                unfinished.write_bytes(cv2.imencode(".png", plane)[1].tobytes())
