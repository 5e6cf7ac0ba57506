"""Soft masks as grey PNGs: FRAME.png of one object or ID/FRAME.png of each."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from propago.errors import SourceError
from propago.io.atomic import make_folder, replacing
from propago.io.instances import InstanceSequence
from propago.io.mask_sequence import MaskSequence
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


def read_instances(path: Path) -> list[InstanceSequence]:
    """What they decide, and their levels, of 8 or 16 bits."""
    return [InstanceSequence.of_masks(read(path))]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """ID/FRAME.png of 16 bits for each object that is in the frame."""
    (video,) = videos
    for name, found in video:
        masks = found.soft_masks()
        levels = np.rint(masks.probabilities.numpy(force=True) * 65535).astype(np.uint16)
        for object_id, plane in zip(masks.ids, levels, strict=True):
            make_folder(path / str(object_id))
            with replacing(path / str(object_id) / f"{name}.png") as unfinished:
                unfinished.write_bytes(cv2.imencode(".png", plane)[1].tobytes())
