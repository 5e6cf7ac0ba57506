"""A folder of soft masks, FRAME.npz or FRAME.npy each; `segment` writes them, too."""

from collections.abc import Sequence
from pathlib import Path

from propago.errors import SourceError
from propago.io.atomic import make_folder
from propago.io.instances import InstanceSequence
from propago.io.mask_sequence import MaskSequence
from propago.io.sequence_folders import MASKS, label_files
from propago.io.soft_masks import soft_masks_in, write_soft_masks


def sniff(path: Path) -> bool:
    """Whether there are .npz or .npy files in a folder or its subfolder scores/."""
    return bool(soft_masks_in(path))


def read(path: Path) -> MaskSequence:
    """The soft masks, in the order of their names.

    Raises:
        SourceError: there are none.
    """
    readers = soft_masks_in(path)
    if not readers:
        raise SourceError(f"{path} holds no soft masks, .npz or .npy, one file a frame")
    return MaskSequence(path, readers)


def sniff_instances(path: Path) -> bool:
    """Whether there are soft masks, .npz or .npy, and no label maps beside them."""
    return path.is_dir() and not label_files(path / MASKS) and sniff(path)


def read_instances(path: Path) -> list[InstanceSequence]:
    """What they decide, and their levels."""
    return [InstanceSequence.of_masks(read(path))]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """FRAME.npz of ids and float16 probabilities."""
    (video,) = videos
    make_folder(path)
    for name, found in video:
        write_soft_masks(path / f"{name}.npz", found.soft_masks())
