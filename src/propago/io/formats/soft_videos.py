"""Soft masks as a video of instances: what they decide, and their levels."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from propago.io.atomic import make_folder
from propago.io.formats import soft_masks, soft_pictures
from propago.io.instances import FrameInstances, InstanceSequence
from propago.io.mask_sequence import Masks, MaskSequence
from propago.io.sequence_folders import MASKS, label_files


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
    soft_masks.write(path, ((name, found.soft_masks()) for name, found in video))


def read_pictures(path: Path) -> list[InstanceSequence]:
    """FRAME.png of one object, or ID/FRAME.png of each, grey of 8 or 16 bits."""
    return [_video(path, soft_pictures.read(path))]


def write_pictures(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """ID/FRAME.png of 16 bits for each object that is in the frame."""
    (video,) = videos
    for name, found in video:
        masks = found.soft_masks()
        for object_id in masks.ids:
            make_folder(path / str(object_id))
        soft_pictures.write(path, [(name, masks)])


def _video(path: Path, masks: MaskSequence) -> InstanceSequence:
    readers = {name: partial(_frame, read) for name, read in masks.readers.items()}
    return InstanceSequence(path.resolve().name, readers)


def _frame(read: Callable[[], Masks]) -> FrameInstances:
    return FrameInstances.of_masks(read())
