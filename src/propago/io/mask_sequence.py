"""What every format of masks looks like to the rest of propago: masks by frame name, in order."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from propago.errors import MaskError
from propago.types import Annotation, SoftMasks

Masks = np.ndarray | SoftMasks
"""A label map (H, W), or soft masks."""

Readers = Mapping[str, Callable[[], Masks]]
"""What reads the masks of each frame, by the frame's name, in order of time."""


def labels_of(masks: Masks) -> np.ndarray:
    """(H, W) uint8 or uint16 label map; what soft masks decide."""
    return masks if isinstance(masks, np.ndarray) else masks.labels()


def size_of(masks: Masks) -> tuple[int, int]:
    """(H, W)."""
    planes = masks if isinstance(masks, np.ndarray) else masks.probabilities
    height, width = planes.shape[-2:]
    return height, width


@dataclass(frozen=True)
class MaskSequence:
    """The masks of one video, described; each is decoded when it is asked for.

    Attributes:
        path: the file or folder.
        readers: of its frames.
    """

    path: Path
    readers: Readers = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the frames, in order."""
        return tuple(self.readers)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the first mask, which is decoded for it."""
        return size_of(next(iter(self.readers.values()))())

    def __len__(self) -> int:
        """How many frames have masks."""
        return len(self.readers)

    def __iter__(self) -> Iterator[tuple[str, Masks]]:
        """Names and masks of all frames, in order."""
        return ((name, read()) for name, read in self.readers.items())

    def labels(self, name: str) -> np.ndarray:
        """(H, W) uint8 or uint16 label map of a frame; what soft masks decide.

        Raises:
            MaskError: the frame has no mask, or an illegal one.
        """
        return labels_of(self._read(name))

    def soft_masks(self, name: str) -> SoftMasks:
        """Soft masks of a frame; those of a label map are 0 and 1.

        Raises:
            MaskError: the frame has no mask, or an illegal one.
        """
        masks = self._read(name)
        if isinstance(masks, SoftMasks):
            return masks
        ids = Annotation(masks).ids
        planes = np.array([masks == i for i in ids], np.float32).reshape(-1, *masks.shape)
        return SoftMasks(ids, torch.from_numpy(planes))

    def _read(self, name: str) -> Masks:
        if name not in self.readers:
            raise MaskError(f"{self.path} has no mask of frame {name}; it has {self.names[:3]} ...")
        return self.readers[name]()
