"""The loop that carries masks through a video. Every method, refiner and cleaner meets here."""

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from propago.clock import Clock
from propago.components import CLEANERS, PROPAGATORS, REFINERS, load_component
from propago.errors import MaskError, PropagoError
from propago.ops.image import Picture, as_frame
from propago.ops.parallel import one_core
from propago.types import (
    VOID,
    Annotation,
    Annotations,
    Cleaner,
    Event,
    Frame,
    Propagator,
    Refiner,
    SoftMasks,
)

Masks = Annotation | np.ndarray | Mapping[int, np.ndarray]
"""An annotation, a label map (H, W), or by id a mask (H, W) that is not 0 on the object."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a loop stands after a frame: all it needs to go on from the next one.

    Attributes:
        index: `Frame.index` of that frame.
        state: the method's state.
        cleaner_state: the cleaner's state, None without a cleaner.
    """

    index: int
    state: Any
    cleaner_state: Any = None


class ObjectInFrame(NamedTuple):
    """How much of an object a frame shows, in pixels, and how sure it is, 0 to 1."""

    area: int
    score: float


@dataclass(frozen=True)
class Segmented:
    """One frame's result.

    Attributes:
        frame: the frame.
        masks: the final soft masks, as they entered the method's memory.
        labels: (H, W) label map of the frame's size.
        events: what the cleaner did to the frame.
        checkpoint: where the loop stands after this frame.
    """

    frame: Frame
    masks: SoftMasks
    labels: np.ndarray
    events: tuple[Event, ...]
    checkpoint: Checkpoint

    @property
    def objects(self) -> dict[int, ObjectInFrame]:
        """Each object's area and its mean probability there (0 where it is absent), by its id."""
        found = {}
        for i, probabilities in zip(self.masks.ids, self.masks.probabilities, strict=True):
            mask = (self.labels == i).view(np.uint8)
            score = cv2.mean(probabilities.numpy(force=True), mask)[0]
            found[i] = ObjectInFrame(cv2.countNonZero(mask), score)
        return found


class Session:
    """Masks carried through a stream, picture by picture; every verb of propago stands on it.

    Example::

        session = propago.Session("feelvos")
        for picture in camera:
            result = session.step(picture, masks={1: mask} or None)
    """

    def __init__(
        self,
        method: str | Propagator = "feelvos",
        *,
        refine: str | Refiner | None = None,
        clean: str | Cleaner | None = None,
        aggregate: Callable[[SoftMasks], SoftMasks] | None = None,
        checkpoint: Checkpoint | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Begin a stream, or go on behind `checkpoint`.

        Args:
            method: a name in `PROPAGATORS`, or a propagator.
            refine: a name in `REFINERS`, or a refiner; the named method's own if None.
            clean: a name in `CLEANERS`, or a cleaner; the named method's own if None.
            aggregate: lets objects compete; the method's own rule if None.
            checkpoint: of a result of an equal session.
            clock: counts the seconds of "predict", "refine", "clean" and "update".

        Raises:
            UsageError: no such name.
        """
        defaults = PROPAGATORS.get(method) if isinstance(method, str) else None
        if refine is None and defaults:
            refine = defaults.refine
        if clean is None and defaults:
            clean = defaults.clean
        self.method: Propagator = load_component(PROPAGATORS, method, "method")
        self.refiner: Refiner | None = load_component(REFINERS, refine, "refine")
        self.cleaner: Cleaner | None = load_component(CLEANERS, clean, "clean")
        self._aggregate = aggregate or self.method.aggregate
        self._clock = clock or Clock(active=False)
        self._size: tuple[int, int] | None = None
        self._waiting: deque[tuple[Frame, Annotation | None]] = deque()
        begun = self.cleaner.begin() if self.cleaner else None
        self._after = checkpoint or Checkpoint(-1, self.method.begin(), begun)

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the session stands; its index is -1 before the first frame."""
        return self._after

    @property
    def _next_index(self) -> int:
        """The index of the next picture, where it is no `Frame` with an index of its own."""
        return (self._waiting[-1][0].index if self._waiting else self._after.index) + 1

    def step(
        self,
        picture: Picture,
        masks: Masks | None = None,
        *,
        ended: Iterable[int] = (),
    ) -> Segmented | None:
        """The masks of the next picture.

        Args:
            picture: (H, W, 3) uint8 RGB array, (3, H, W) tensor in [0, 1], or a `Frame`.
            masks: a person's masks of this picture: first ones, corrections, objects that enter.
            ended: objects that are not followed any further.

        Returns:
            The result; with a method that looks ahead that of an earlier picture, and None for
            the first `look_ahead_frames` pictures: `flush` gives the last ones.

        Raises:
            ShapeError: no such picture, or one of another size than those before.
            MaskError: masks that are none, or of another size than the picture.
        """
        frame = as_frame(picture, self._next_index, self._size)
        self._size = frame.size
        annotation = None
        if masks is not None or ended:
            annotation = as_annotation(masks, ended, frame.size)
        self._waiting.append((frame, annotation))
        if len(self._waiting) <= self.method.look_ahead_frames:
            return None
        return self._next()

    def flush(self) -> list[Segmented]:
        """The results that a method which looks ahead still owes; the stream ends here."""
        return [self._next() for _ in range(len(self._waiting))]

    def rewind(self, checkpoint: Checkpoint) -> None:
        """Go on behind `checkpoint` of an earlier result: undoes what came after it."""
        self._waiting.clear()
        self._after = checkpoint

    def fork(self) -> "Session":
        """A session of its own that stands where this one does, with the same networks."""
        own = copy.copy(self)
        own._waiting = deque(self._waiting)
        return own

    @torch.no_grad()
    def _next(self) -> Segmented:
        """Predict -> refine -> clean -> annotation -> aggregate -> update."""
        frame, annotation = self._waiting.popleft()
        if self.method.look_ahead_frames:
            frame = replace(frame, ahead=tuple(later for later, _ in self._waiting))
        state, cleaner_state, clock = self._after.state, self._after.cleaner_state, self._clock
        events: tuple[Event, ...] = ()
        with clock.of("predict"):
            masks, features = self.method.predict(state, frame)
        if self.refiner:
            with clock.of("refine", len(masks.ids)):
                masks = self.refiner(frame, masks)
        if self.cleaner:
            with clock.of("clean", len(masks.ids)):
                masks, events = self.cleaner.filter(cleaner_state, masks)
        with one_core():  # so short that threads would cost more than they give
            masks = self._aggregate(masks.overridden_by(annotation))
            labels = masks.labels()
        with clock.of("update"):
            state = self.method.update(state, features, masks, annotation)
        if self.cleaner:
            with clock.of("clean", 0):
                cleaner_state = self.cleaner.update(cleaner_state, masks)
        self._after = Checkpoint(frame.index, state, cleaner_state)
        return Segmented(replace(frame, encoded=None, ahead=()), masks, labels, events, self._after)


def segment_frames(
    frames: Iterable[Picture],
    annotations: Annotations,
    method: str | Propagator = "feelvos",
    *,
    refine: str | Refiner | None = None,
    clean: str | Cleaner | None = None,
    aggregate: Callable[[SoftMasks], SoftMasks] | None = None,
    resume: Checkpoint | None = None,
    clock: Clock | None = None,
) -> Iterator[Segmented]:
    """Carry a person's masks through frames, one at a time; what is yielded is also remembered.

    Before an object's first mask it is absent. A first mask, a later correction and an object that
    enters late are the same: an annotation. Where the frames break off with an error, the results
    of all frames before the damage come first.

    Args:
        frames: in order of time; with `resume`, those after `resume.index`.
        annotations: by `Frame.index`, or by position where frames are pictures; those of a frame
            that never comes are not used.
        method: as for `Session`, and all other arguments.
        refine: sharpens each frame's prediction.
        clean: makes predictions consistent over time.
        aggregate: lets objects compete.
        resume: go on from here instead of from the beginning.
        clock: counts seconds.

    Yields:
        One result a frame, in order.
    """
    session = Session(
        method, refine=refine, clean=clean, aggregate=aggregate, checkpoint=resume, clock=clock
    )
    damages: list[PropagoError] = []
    for picture in _up_to_damage(frames, damages):
        frame = as_frame(picture, session._next_index)
        result = session.step(frame, annotations.get(frame.index))
        if result:
            yield result
    yield from session.flush()
    for damage in damages:
        raise damage


def _up_to_damage(frames: Iterable[Picture], damages: list[PropagoError]) -> Iterator[Picture]:
    """The frames; an error that breaks them off is put into `damages`."""
    try:
        yield from frames
    except PropagoError as error:
        damages.append(error)


def as_annotation(masks: Masks | None, ended: Iterable[int], size: tuple[int, int]) -> Annotation:
    """What a person says of a frame of `size` (H, W), in any form that `Session.step` takes.

    Raises:
        MaskError: masks of another size, or ids that are no ids.
    """
    if isinstance(masks, Annotation):
        return replace(masks, ended=masks.ended | frozenset(ended))
    if isinstance(masks, np.ndarray):
        said = Annotation(masks, frozenset(ended))
        if not said.ids and said.void.any():
            raise MaskError(
                f"masks hold no object: {VOID} is void in uint8; of one object give `mask > 0` by "
                "its id, as {1: mask > 0}"
            )
        return said
    if not isinstance(masks, Mapping | None):
        raise MaskError(
            "masks are a label map (H, W), an array, or one mask an object, {1: mask, ...}; this "
            f"is {type(masks).__name__}"
        )
    masks = masks or {}
    if not all(np.shape(mask) == size for mask in masks.values()) or min(masks, default=1) < 1:
        came = {object_id: np.shape(mask) for object_id, mask in masks.items()}
        raise MaskError(f"masks are {size}, as the picture, by ids from 1 on; these are {came}")
    labels = np.zeros(size, np.uint8 if max(masks, default=0) < VOID else np.uint16)
    for object_id, mask in masks.items():
        labels[np.asarray(mask) != 0] = object_id
    return Annotation(labels, frozenset(ended))
