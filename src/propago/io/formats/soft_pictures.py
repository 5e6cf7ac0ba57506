"""Soft masks as grey PNGs: FRAME.png of one object or ID/FRAME.png of each."""

from pathlib import Path

from propago.errors import SourceError
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
