"""The values that flow through propago: frames, annotations, soft masks; and the protocols.

Conventions: images are RGB float32 in [0, 1]; label maps are numpy arrays of object ids with
0 for background; an object's id is not its index in a tensor.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from typing_extensions import TypeVar

from propago.conventions import VOID
from propago.errors import MaskError, ShapeError

State = TypeVar("State", default=Any)
Features = TypeVar("Features", default=Any)
Encoded = TypeVar("Encoded", covariant=True)
Earlier = TypeVar("Earlier", contravariant=True)


def require_probabilities(values: Tensor) -> None:
    """Refuse soft masks that are not numbers in [0, 1]; none at all are fine.

    Raises:
        MaskError: they reach beyond, or some are no numbers.
    """
    low, high = (float(a) for a in values.aminmax()) if values.numel() else (0.0, 0.0)
    if math.isnan(low):
        raise MaskError(
            "soft masks are in [0, 1]; some of these are nan: np.nan_to_num(masks) makes them 0, "
            "or mend what made them"
        )
    if not (low >= 0 and high <= 1):
        raise MaskError(
            f"soft masks are in [0, 1]; these reach from {low:g} to {high:g}: apply a sigmoid to "
            "logits, divide 8-bit values by 255, give a label map as a mask or one plane an object"
        )


@dataclass(frozen=True)
class Frame:
    """One decoded picture of a source, in display orientation.

    Attributes:
        image: (3, H, W) RGB float32 in [0, 1].
        index: position in the source, counted from 0 before `start` and `every` select.
        name: stem of the files written for this frame, e.g. "00012" or the source file's stem.
        time_s: presentation time in seconds, or None where the source has none.
        ahead: the next frames, as many as the method's `look_ahead_frames`, fewer at the end;
            before fine-tuning on this frame, as many as its `trial_frames`.
        encoded: what an `Encoder` has computed of it ahead of time; None where nothing was.
    """

    image: Tensor
    index: int
    name: str
    time_s: float | None = None
    ahead: tuple["Frame", ...] = ()
    encoded: Any = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return int(self.image.shape[-2]), int(self.image.shape[-1])


@dataclass(frozen=True)
class Annotation:
    """What a person says about one frame: a first mask, a correction, an object that enters.

    Attributes:
        labels: (H, W) uint8 or uint16 label map; 0 background, 255 void where uint8.
            An id that is absent is unknown in this frame, not gone.
        ended: ids that end with this frame and are not followed any further.
    """

    labels: np.ndarray
    ended: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Refuse anything but a two-dimensional uint8 or uint16 map."""
        if self.labels.ndim != 2 or self.labels.dtype not in (np.uint8, np.uint16):
            raise MaskError(
                f"a label map is (H, W) uint8 or uint16; this one is {self.labels.shape} "
                f"{self.labels.dtype}"
            )

    @property
    def ids(self) -> tuple[int, ...]:
        """The object ids present, ascending; background and void are none."""
        present = np.unique(self.labels)
        return tuple(int(i) for i in present if i != 0 and not self._is_void(int(i)))

    @property
    def void(self) -> np.ndarray:
        """(H, W) bool: where the map says nothing."""
        if self.labels.dtype == np.uint8:
            return self.labels == VOID
        return np.zeros(self.labels.shape, bool)

    def _is_void(self, label: int) -> bool:
        return self.labels.dtype == np.uint8 and label == VOID


@dataclass(frozen=True)
class SoftMasks:
    """How much each pixel belongs to each object, before a decision.

    Attributes:
        ids: the object id of each row; not its index.
        probabilities: (K, H, W) float32 in [0, 1], at the frame's own size.
        logits: (K + 1, H, W) with the background first, where a method has them.
    """

    ids: tuple[int, ...]
    probabilities: Tensor
    logits: Tensor | None = None

    def __post_init__(self) -> None:
        """Refuse rows that do not fit the ids."""
        if self.probabilities.ndim != 3 or len(self.ids) != self.probabilities.shape[0]:
            raise ShapeError(
                f"soft masks of {len(self.ids)} objects are ({len(self.ids)}, H, W); "
                f"these are {tuple(self.probabilities.shape)}"
            )
        if len(set(self.ids)) != len(self.ids) or any(i <= 0 for i in self.ids):
            raise MaskError(f"object ids are distinct and positive; these are {self.ids}")

    @classmethod
    def none(cls, size: tuple[int, int]) -> "SoftMasks":
        """Soft masks of no object, for a frame of `size` (H, W)."""
        return cls((), torch.zeros(0, *size))

    def labels(self) -> np.ndarray:
        """(H, W) label map: the most probable object, background where none reaches it.

        With logits the background competes through its own; without, through 0.5 (Cheng et al.).
        uint8 where every id is at most 254, else uint16.
        """
        dtype = np.uint8 if max(self.ids, default=0) < VOID else np.uint16
        if not self.ids:
            return np.zeros(self.probabilities.shape[-2:], dtype)
        if self.logits is not None:
            index = self.logits.max(0).indices  # argmax(0) is 30 times as slow on a CPU
        else:
            best, winner = self.probabilities.max(0)
            index = torch.where(best > 0.5, winner + 1, 0)
        return np.array((0, *self.ids), dtype).take(index.numpy(force=True))

    def overridden_by(self, annotation: Annotation | None) -> "SoftMasks":
        """These masks with a person's word in place of the prediction.

        An annotated id is exactly its mask (void pixels keep the prediction); another id keeps its
        prediction, less the pixels given away; a new id is appended; an ended one is dropped.

        Args:
            annotation: its labels are (H, W), the size of these masks.

        Returns:
            (K', H, W) probabilities without logits; the same masks where nothing is annotated.

        Raises:
            MaskError: the annotation is of another size.
        """
        if annotation is None:
            return self
        if annotation.labels.shape != tuple(self.probabilities.shape[-2:]):
            raise MaskError(
                f"the given mask is {annotation.labels.shape}, the frame "
                f"{tuple(self.probabilities.shape[-2:])} (height, width)"
            )
        followed = [i for i in self.ids if i not in annotation.ended]
        ids = (*followed, *(i for i in annotation.ids if i not in self.ids))
        device = self.probabilities.device
        void = torch.from_numpy(annotation.void).to(device)
        claimed = torch.from_numpy((annotation.labels != 0) & ~annotation.void).to(device)
        zero = torch.zeros(self.probabilities.shape[-2:], device=device)
        rows = []
        for i in ids:
            predicted = self.probabilities[self.ids.index(i)] if i in self.ids else zero
            if i in annotation.ids:
                mask = torch.from_numpy(annotation.labels == i).to(device)
                rows.append(torch.where(void, predicted, mask.float()))
            else:
                rows.append(predicted.masked_fill(claimed, 0.0))
        stacked = torch.stack(rows) if rows else self.probabilities[:0]
        return SoftMasks(tuple(ids), stacked)

    def replaced(self, probabilities: Tensor) -> "SoftMasks":
        """The same objects with other probabilities; logits no longer hold and are dropped."""
        return replace(self, probabilities=probabilities, logits=None)


Annotations = Mapping[int, Annotation]
"""A person's masks of several frames, by `Frame.index`."""


@dataclass(frozen=True)
class Event:
    """One thing that a cleaner did to an object in a frame, and why.

    Attributes:
        id: the object.
        what: "removed", "adopted" or "filled".
        why: in words.
        area_px: how many pixels.
        box: x0, y0, x1, y1 in pixels, exclusive end.
    """

    id: int
    what: Literal["removed", "adopted", "filled"]
    why: str
    area_px: int
    box: tuple[int, int, int, int]


class Described(Protocol):
    """A part of a loop."""

    @property
    def description(self) -> Mapping[str, Any]:
        """What it is, of which weights and licence: JSON values that stand in a run's record."""
        ...


class Propagator(Described, Protocol[State, Features]):
    """Carries the masks of given objects from frame to frame (video object segmentation)."""

    look_ahead_frames: int

    def begin(self) -> State:
        """The state before the first frame."""
        ...

    def predict(self, state: State, frame: Frame, /) -> tuple[SoftMasks, Features]:
        """Soft masks of every object known to `state`, and what was computed of this frame."""
        ...

    def update(
        self, state: State, features: Features, masks: SoftMasks, annotation: Annotation | None, /
    ) -> State:
        """The state after this frame, whose final masks are `masks`."""
        ...

    def aggregate(self, masks: SoftMasks, /) -> SoftMasks:
        """Let the objects and the background compete for each pixel, the way the paper does."""
        ...


@runtime_checkable
class Encoder(Protocol[Earlier, Encoded]):
    """A propagator some of whose work on a frame can be done while the one before is followed."""

    def encode(self, frame: Frame, earlier: Earlier, /) -> Encoded:
        """What `predict` finds as `Frame.encoded`, and computes itself where that is None.

        `earlier` is the state that the frame before is predicted from. It may help to choose what
        is computed; the masks must not depend on whether anything was.
        """
        ...


class Refiner(Described, Protocol):
    """Sharpens the masks of one frame."""

    def __call__(self, frame: Frame, masks: SoftMasks, /) -> SoftMasks:
        """Masks of the same objects, sharper."""
        ...


class Cleaner(Described, Protocol[State]):
    """Makes masks consistent over time; its state is a value."""

    def begin(self) -> State:
        """The state before the first frame."""
        ...

    def filter(self, state: State, masks: SoftMasks, /) -> tuple[SoftMasks, tuple[Event, ...]]:
        """Masks of the same objects, cleaned, and what was done to them."""
        ...

    def update(self, state: State, masks: SoftMasks, /) -> State:
        """The state after a frame whose final masks are `masks`."""
        ...
