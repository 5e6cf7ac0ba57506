"""The loop that finds and tracks instances. Every detector and associator meets here."""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any, Protocol

import numpy as np
import torch
from typing_extensions import TypeVar

from propago.association.carry import Carry
from propago.components import (
    ASSOCIATORS,
    DETECTORS,
    REFINERS,
    load_carrier,
    load_component,
)
from propago.detections import Detections
from propago.errors import UsageError
from propago.ops.image import Picture, as_frame
from propago.pipeline import Checkpoint, ObjectInFrame
from propago.types import Described, Encoder, Frame, Propagator, Refiner, SoftMasks

State = TypeVar("State", default=Any)


class Detector(Described, Protocol):
    """Finds the instances of one frame.

    Its classes have names where it has an attribute `class_names`, a mapping from category ids.
    With an attribute `thread_safe` that is true, runs ask it about several frames at once.
    """

    def __call__(self, frame: Frame, /) -> Detections | None:
        """What is there, without identities; None, with `carry`, where it did not look."""
        ...


class Associator(Described, Protocol[State]):
    """Gives detections their identities, in order of time; its state is a value."""

    def begin(self) -> State:
        """The state before the first frame."""
        ...

    def associate(self, state: State, found: Detections, /) -> tuple[Detections, State]:
        """Those of `found` that belong to an instance, with its id; and the state after them."""
        ...


@dataclass(frozen=True)
class SeenAhead:
    """What was computed of a frame before its turn; a `Frame.encoded` of `Tracker.step`.

    Attributes:
        found: by the detector; None where nobody asked it.
        encoded: by the method that carries, an `Encoder`.
    """

    found: Detections | None = None
    encoded: Any = None


@dataclass(frozen=True)
class Tracked:
    """One frame's result.

    Attributes:
        frame: the frame; None where only detections came.
        detections: with the id of each.
        checkpoint: where the loop stands after this frame.
    """

    frame: Frame | None
    detections: Detections
    checkpoint: Checkpoint

    @cached_property
    def labels(self) -> np.ndarray:
        """(H, W) uint8 or uint16 label map of the ids; the more confident is in front.

        Raises:
            MaskError: there are no masks.
        """
        if self.frame and not len(self.detections):
            return np.zeros(self.frame.size, np.uint8)
        return self.detections.labels()

    @property
    def objects(self) -> dict[int, ObjectInFrame]:
        """What the frame shows of each instance, by its id: the whole mask, hidden parts too."""
        found = self.detections
        if found.ids is None or found.masks is None:
            return {}
        return {
            int(i): ObjectInFrame(int(np.count_nonzero(mask)), float(confidence))
            for i, mask, confidence in zip(found.ids, found.masks, found.confidence, strict=True)
        }


class Tracker:
    """Instances tracked through a stream: detect -> refine -> associate, or carry.

    Example::

        tracker = propago.Tracker(my_detector)
        for picture in camera:
            result = tracker.step(picture)          # or tracker.update(detections), of anyone
    """

    def __init__(
        self,
        detector: str | Detector | None = None,
        associator: str | Associator | None = None,
        *,
        refine: str | Refiner | None = None,
        carry: str | Propagator | Carry | None = None,
        detect_every: int = 1,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Begin a stream, or go on behind `checkpoint`.

        Args:
            detector: a name in `DETECTORS`, or a detector; None where `update` is called.
            associator: a name in `ASSOCIATORS`, or an associator; that of the named detector, or
                "iou", if None. Not used with `carry`.
            refine: sharpens the masks of detections: a name in `REFINERS`, or a refiner.
            carry: carries the instances from frame to frame: a name in `PROPAGATORS`, a
                propagator, or a `Carry` with settings of its own.
            detect_every: with `carry`, `step` looks for instances in every n-th frame.
            checkpoint: of a result of an equal tracker.

        Raises:
            UsageError: no such name, or `detect_every` without `carry`.
        """
        if detect_every < 1 or (detect_every > 1 and carry in (None, "none")):
            raise UsageError(
                f"`detect_every` is {detect_every}; it is at least 1, and above 1 only with "
                "`carry`, which says where instances are in the frames between"
            )
        row = DETECTORS.get(detector) if isinstance(detector, str) else None
        associator = associator or (row.associator if row else "iou")
        self.detector: Detector | None = load_component(DETECTORS, detector, "detector")
        self.associator: Associator = load_component(ASSOCIATORS, associator, "associator")
        self.refiner: Refiner | None = load_component(REFINERS, refine, "refine")
        self._size: tuple[int, int] | None = None
        method = load_carrier(carry)
        self.carry: Carry | None = (
            Carry(method) if method is not None and not isinstance(method, Carry) else method
        )
        self._detect_every = detect_every
        self._after = checkpoint or Checkpoint(-1, (self.carry or self.associator).begin())

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the tracker stands; its index is -1 before the first frame."""
        return self._after

    def looks(self) -> Iterator[bool]:
        """Of each frame to come, whether the detector is asked about it."""
        before = self._after.state.frames if self.carry else 0
        return (number % self._detect_every == 0 for number in count(before))

    @torch.no_grad()
    def step(self, picture: Picture) -> Tracked:
        """Find and track the instances of the next picture.

        Args:
            picture: (H, W, 3) uint8 RGB array, (3, H, W) tensor in [0, 1], or a `Frame`.

        Raises:
            UsageError: there is no detector.
            ShapeError: no such picture, or one of another size than those before.
        """
        if self.detector is None:
            raise UsageError("a tracker without a `detector` has no step; give update detections")
        frame = as_frame(picture, self._after.index + 1, self._size)
        seen = frame.encoded if isinstance(frame.encoded, SeenAhead) else SeenAhead()
        found = seen.found
        if found is None and next(self.looks()):
            found = self.detector(frame)
        return self.update(found, replace(frame, encoded=seen.encoded))

    @property
    def sees_ahead(self) -> bool:
        """Whether anything of a frame can be computed before its turn."""
        encodes = self.carry is not None and isinstance(self.carry.method, Encoder)
        return encodes or getattr(self.detector, "thread_safe", False)

    def seen_ahead(self, frame: Frame, looked_at: bool, checkpoint: Checkpoint) -> SeenAhead:
        """What can be computed of a frame before its turn, in any thread.

        Args:
            frame: a frame to come.
            looked_at: see `looks`.
            checkpoint: where the tracker stands; with `carry` two frames before this one.
        """
        method, found, encoded = self.carry and self.carry.method, None, None
        if looked_at and getattr(self.detector, "thread_safe", False):
            assert self.detector is not None
            found = self.detector(frame)
        if isinstance(method, Encoder):
            encoded = method.encode(frame, checkpoint.state.method)
        return SeenAhead(found, encoded)

    @torch.no_grad()
    def update(self, detections: Detections | None, picture: Picture | None = None) -> Tracked:
        """Track the next frame's instances, whoever found them.

        Args:
            detections: their ids, if any, are not looked at; with `carry` None where nobody looked.
            picture: the frame they were found in; only a refiner and `carry` need it.

        Raises:
            UsageError: there is a refiner or `carry` and no picture, or a refiner and no masks; or
                neither detections nor `carry`.
            ShapeError: no such picture, or one of another size than those before.
            MaskError: masks of another size.
        """
        index = self._after.index + 1
        frame = None if picture is None else as_frame(picture, index, self._size)
        self._size = frame.size if frame else self._size
        if self.refiner and detections is not None:
            detections = _refined(self.refiner, frame, detections)
        if self.carry:
            if frame is None:
                raise UsageError("`carry` needs the picture of the frame")
            tracked, state = self.carry.step(self._after.state, frame, detections)
        elif detections is None:
            raise UsageError("without `carry` every frame needs detections, even if there are none")
        else:
            tracked, state = self.associator.associate(self._after.state, detections)
        self._after = Checkpoint(frame.index if frame else index, state)
        return Tracked(frame and replace(frame, encoded=None), tracked, self._after)

    def rewind(self, checkpoint: Checkpoint) -> None:
        """Go on behind `checkpoint` of an earlier result: undoes what came after it."""
        self._after = checkpoint

    def fork(self) -> "Tracker":
        """A tracker of its own that stands where this one does, with the same networks."""
        return copy.copy(self)


def track_frames(
    frames: Iterable[Picture],
    detector: str | Detector,
    associator: str | Associator | None = None,
    *,
    refine: str | Refiner | None = None,
    carry: str | Propagator | Carry | None = None,
    detect_every: int = 1,
    resume: Checkpoint | None = None,
) -> Iterator[Tracked]:
    """Find and track the instances of frames, one at a time.

    Args:
        frames: in order of time; with `resume`, those after `resume.index`.
        detector: as for `Tracker`, and all other arguments.
        associator: gives identities.
        refine: sharpens masks.
        carry: carries instances from frame to frame.
        detect_every: with `carry`, look for instances in every n-th frame.
        resume: go on from here instead of from the beginning.

    Yields:
        One result a frame, in order.
    """
    tracker = Tracker(
        detector,
        associator,
        refine=refine,
        carry=carry,
        detect_every=detect_every,
        checkpoint=resume,
    )
    for picture in frames:
        yield tracker.step(picture)


def _refined(refiner: Refiner, frame: Frame | None, found: Detections) -> Detections:
    """Detections with sharper masks and the boxes of these; one whose mask vanishes keeps its."""
    if not len(found):
        return found
    if frame is None or found.masks is None:
        raise UsageError("`refine` needs the picture of the frame, and detections with masks")
    soft = SoftMasks(
        tuple(range(1, len(found) + 1)), torch.from_numpy(found.masks.astype(np.float32))
    )
    sharper = refiner(frame, soft).probabilities.numpy(force=True) > 0.5
    there = sharper.any((1, 2), keepdims=True)
    masks = np.where(there, sharper, found.masks)
    boxes = Detections.of_masks(masks).boxes_xyxy
    return replace(found, masks=masks, boxes_xyxy=boxes)
