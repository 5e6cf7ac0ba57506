"""A folder of label maps, FRAME.png each, as DAVIS and `segment` have them; or TIFF, or .npy."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from propago.detections import Detections
from propago.errors import MaskError
from propago.io.detection_sequence import DetectionSequence, Reader, other_size
from propago.io.labels import ANNOTATION, LabelPolicy
from propago.io.mask_sequence import MaskSequence
from propago.io.masks import read_labels, read_mask
from propago.io.sequence_folders import MASKS, label_files
from propago.io.shared_policy import shared_policy


def sniff(path: Path) -> bool:
    """Whether there are label maps in a folder or its subfolder masks/."""
    return path.is_dir() and bool(_files(path))


def read(path: Path) -> MaskSequence:
    """The label maps, in the order of their names; colours mean the same in all of them.

    Raises:
        MaskError: a picture whose colours are not clean.
    """
    files = _files(path)
    policy = shared_policy(files.values())
    return MaskSequence(path, {name: partial(_read, file, policy) for name, file in files.items()})


def sniff_detections(path: Path) -> bool:
    """Whether there are label maps in a folder or its subfolder masks/."""
    return path.is_dir() and bool(_files(path))


def read_detections(path: Path) -> DetectionSequence:
    """The objects of each map; their ids mean nothing from frame to frame, nor do colours."""
    readers: dict[str | int, Reader] = {
        name: partial(_found, file) for name, file in _files(path).items()
    }
    return DetectionSequence(path, readers, {1: "object"}, every_frame=False)


def _found(file: Path, size: tuple[int, int]) -> Detections:
    labels = read_labels(file, ANNOTATION)
    if labels.shape != size:
        raise other_size(f"{file}", labels.shape, size)
    return replace(Detections.from_labels(labels), ids=None)


def _files(path: Path) -> dict[str, Path]:
    return label_files(path / MASKS) or label_files(path)


def _read(path: Path, policy: LabelPolicy) -> np.ndarray:
    try:
        return read_mask(path, policy, may_be_empty=True).labels
    except MaskError as error:
        raise MaskError(
            f"{error}. If the pictures are soft masks, say so with `scores`: soft-pictures"
        ) from error
