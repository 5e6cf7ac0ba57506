"""What formats say of a video, brought to one: its instances, frame by frame.

`Masks` are label maps or soft masks; here instances may overlap, and have classes, scores, parents.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from propago.conventions import VOID
from propago.detections import MAX_ID, Detections
from propago.errors import MaskError
from propago.io.label_runs import labels_of_rles, rles_of_labels
from propago.io.mask_sequence import Masks, MaskSequence
from propago.io.mask_sequence import labels_of as decided
from propago.io.rle import Rle, areas_px, coco_mask, decode
from propago.types import SoftMasks

OBJECT = 1
"""The class of what has none."""

UNNAMED = "object"
"""The name of it."""


@dataclass(frozen=True)
class Instance:
    """One object in one frame: its identity (positive), mask, class and score in [0, 1]."""

    id: int
    rle: Rle
    class_id: int = OBJECT
    score: float = 1.0


@dataclass(frozen=True)
class FrameInstances:
    """What is known of one frame.

    Attributes:
        size: (H, W) in pixels.
        instances: by ascending identity; of those that overlap the one of the higher score is in
            front, of equal ones the later.
        void: where nobody says anything.
        soft: the soft masks from which the instances were decided, where there are any.
    """

    size: tuple[int, int]
    instances: tuple[Instance, ...] = ()
    void: Rle | None = None
    soft: SoftMasks | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Refuse identities that come twice, or are none."""
        ids = [one.id for one in self.instances]
        if len(set(ids)) < len(ids) or min(ids, default=1) < 1:
            raise MaskError(f"the objects of a frame have distinct positive ids; these are {ids}")

    @classmethod
    def of_masks(cls, masks: Masks) -> "FrameInstances":
        """From a label map, 255 void where it is uint8, or from soft masks."""
        labels = decided(masks)
        rles = rles_of_labels(labels)
        void = rles.pop(VOID, None) if labels.dtype == np.uint8 else None
        soft = masks if isinstance(masks, SoftMasks) else None
        height, width = labels.shape
        return cls((height, width), tuple(Instance(i, r) for i, r in rles.items()), void, soft)

    @property
    def is_wide(self) -> bool:
        """Whether a label map of it needs 16 bits, and then has no void."""
        return max((one.id for one in self.instances), default=0) >= VOID

    @property
    def in_front_last(self) -> list[Instance]:
        """The instances in the order in which they are drawn."""
        return sorted(self.instances, key=lambda one: one.score)

    def labels(self, *, wide: bool | None = None) -> np.ndarray:
        """(H, W) label map: uint8 with void 255, or uint16, which has no void.

        Args:
            wide: whether it is uint16; None where an id needs it.

        Raises:
            MaskError: an id that it cannot hold.
        """
        highest = max((one.id for one in self.instances), default=0)
        if highest > MAX_ID:
            raise MaskError(f"a label map holds ids up to {MAX_ID}; there is {highest}")
        drawn = [(one.id, one.rle) for one in self.in_front_last]
        if self.is_wide if wide is None else wide:
            return labels_of_rles(drawn, self.size, np.uint16)
        void = [] if self.void is None else [(VOID, self.void)]
        return labels_of_rles([*void, *drawn], self.size, np.uint8)

    def soft_masks(self) -> SoftMasks:
        """The soft masks, or 0 and 1 of the instances."""
        import torch

        if self.soft is not None:
            return self.soft
        planes = decode([one.rle for one in self.instances], self.size).astype(np.float32)
        return SoftMasks(tuple(one.id for one in self.instances), torch.from_numpy(planes))

    def detections(self) -> Detections:
        """The instances as detections with identities."""
        return Detections.of_masks(
            decode([one.rle for one in self.instances], self.size),
            [one.class_id for one in self.instances],
            [one.score for one in self.instances],
            [one.id for one in self.instances],
        )

    @property
    def overlap_px(self) -> int:
        """How many pixels lie in more than one instance, once for each but one."""
        rles: list[Any] = [one.rle for one in self.instances]
        if len(rles) < 2:
            return 0
        return int(areas_px(rles).sum() - coco_mask.area(coco_mask.merge(rles)))


@dataclass(frozen=True)
class InstanceSequence:
    """The instances of one video, described; those of a frame are read when they are asked for.

    Attributes:
        name: of the video.
        readers: of its frames, by name, in order of time.
        class_names: of class ids, where the format has names.
        parents: of an object that comes from another one by division, the other's id.
    """

    name: str
    readers: Mapping[str, Callable[[], FrameInstances]] = field(repr=False)
    class_names: Mapping[int, str] = field(default_factory=dict)
    parents: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of_masks(cls, masks: MaskSequence) -> "InstanceSequence":
        """What masks decide; the video has the name of their folder."""
        readers = {name: partial(_decided, read) for name, read in masks.readers.items()}
        return cls(masks.path.resolve().name, readers)

    def __len__(self) -> int:
        """How many frames it has."""
        return len(self.readers)

    def __iter__(self) -> Iterator[tuple[str, FrameInstances]]:
        """Names and instances of all frames, in order."""
        return ((name, read()) for name, read in self.readers.items())

    def class_name(self, class_id: int) -> str:
        """The name of a class; "object" of what has none, else its number."""
        unnamed = UNNAMED if class_id == OBJECT else str(class_id)
        return self.class_names.get(class_id, unnamed)


def _decided(read: Callable[[], Masks]) -> FrameInstances:
    return FrameInstances.of_masks(read())
