"""A folder of soft masks, FRAME.npz or FRAME.npy each; `segment` writes them, too."""

from pathlib import Path

from propago.errors import SourceError
from propago.io.mask_sequence import MaskSequence
from propago.io.soft_masks import soft_masks_in


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
