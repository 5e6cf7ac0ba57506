"""A folder of soft masks, FRAME.npz or FRAME.npy each; `segment` writes them, too."""

from collections.abc import Iterable
from pathlib import Path

from propago.errors import SourceError
from propago.io.mask_sequence import Masks, MaskSequence, require_soft
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


def write(path: Path, masks: Iterable[tuple[str, Masks]]) -> None:
    """Write FRAME.npz of ids and float16 probabilities.

    Raises:
        MaskError: label maps came, which say nothing between 0 and 1.
        OutputError: it cannot be written.
    """
    for name, mask in masks:
        write_soft_masks(path / f"{name}.npz", require_soft(name, mask))
