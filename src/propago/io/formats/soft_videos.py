"""Soft masks as a video of instances: what they decide, and their levels."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from propago.io.atomic import make_folder, replacing
from propago.io.formats import soft_masks, soft_pictures
from propago.io.instances import FrameInstances, InstanceSequence
from propago.io.mask_sequence import Masks, MaskSequence
from propago.io.sequence_folders import MASKS, label_files
from propago.io.soft_masks import write_soft_masks


def sniff_instances(path: Path) -> bool:
    """Whether there are soft masks, .npz or .npy, and no label maps beside them."""
    return path.is_dir() and not label_files(path / MASKS) and soft_masks.sniff(path)


def read_instances(path: Path) -> list[InstanceSequence]:
    """FRAME.npz or FRAME.npy, also in a folder scores/."""
    return [_video(path, soft_masks.read(path))]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """FRAME.npz of ids and float16 probabilities."""
    (video,) = videos
    make_folder(path)
    for name, found in video:
        write_soft_masks(path / f"{name}.npz", found.soft_masks())


def read_pictures(path: Path) -> list[InstanceSequence]:
    """FRAME.png of one object, or ID/FRAME.png of each, grey of 8 or 16 bits."""
    return [_video(path, soft_pictures.read(path))]


def write_pictures(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """ID/FRAME.png of 16 bits for each object that is in the frame."""
    (video,) = videos
    for name, found in video:
        masks = found.soft_masks()
        levels = np.rint(masks.probabilities.numpy(force=True) * 65535).astype(np.uint16)
        for object_id, plane in zip(masks.ids, levels, strict=True):
            make_folder(path / str(object_id))
            with replacing(path / str(object_id) / f"{name}.png") as unfinished:
                unfinished.write_bytes(cv2.imencode(".png", plane)[1].tobytes())


def _video(path: Path, masks: MaskSequence) -> InstanceSequence:
    readers = {name: partial(_frame, read) for name, read in masks.readers.items()}
    return InstanceSequence(path.resolve().name, readers)


def _frame(read: Callable[[], Masks]) -> FrameInstances:
    return FrameInstances.of_masks(read())
