"""The loop that carries masks through a video. Every method, refiner and cleaner meets here."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from propago.errors import PropagoError
from propago.types import Cleaner, Frame, Given, Propagator, Refiner, Scores


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stands after a frame: all it needs to go on from the next one.

    Attributes:
        index: `Frame.index` of that frame.
        state: the method's state.
        kept: the cleaner's state, None without a cleaner.
    """

    index: int
    state: Any
    kept: Any = None


@dataclass(frozen=True)
class Segmented:
    """One frame's result.

    Attributes:
        frame: the frame.
        scores: the final scores, as they entered the method's memory.
        labels: (H, W) label map of the frame's size.
        checkpoint: where the run stands after this frame.
    """

    frame: Frame
    scores: Scores
    labels: np.ndarray
    checkpoint: Checkpoint


def segment_frames(
    frames: Iterable[Frame],
    given: Given,
    method: Propagator,
    *,
    refine: Refiner | None = None,
    clean: Cleaner | None = None,
    aggregate: Callable[[Scores], Scores] | None = None,
    resume: Checkpoint | None = None,
) -> Iterator[Segmented]:
    """Carry given masks through frames, one at a time; what is yielded is also remembered.

    Before an object's first mask it is absent. A first mask, a later correction and an object that
    enters late are the same: a map in `given`.

    Args:
        frames: in order of time; with `resume`, those after `resume.index`.
        given: a person's masks by `Frame.index`; a map for a frame that never comes is not used.
        method: predicts and remembers.
        refine: sharpens each frame's prediction.
        clean: makes predictions consistent over time.
        aggregate: lets objects compete; the method's own rule if None.
        resume: go on from here instead of from the beginning.

    Yields:
        One result a frame, in order.
    """
    aggregate = aggregate or method.aggregate
    state = resume.state if resume else method.begin()
    kept = resume.kept if resume else clean.begin() if clean else None
    for frame in look_ahead(frames, method.look_ahead_frames):
        with torch.no_grad():
            scores, seen = method.predict(state, frame)
            scores = refine(frame, scores) if refine else scores
            scores = clean.filter(kept, scores) if clean else scores
            masks = given.get(frame.index)
            scores = aggregate(scores.overridden_by(masks))
            state = method.update(state, seen, scores, given=masks)
            kept = clean.update(kept, scores) if clean else None
            labels = scores.labels()
        yield Segmented(frame, scores, labels, Checkpoint(frame.index, state, kept))


def look_ahead(frames: Iterable[Frame], count: int) -> Iterator[Frame]:
    """Each frame with the next `count` frames in `Frame.ahead`, fewer at the end.

    Where the frames break off with an error, every frame before the damage still comes first.
    """
    if count == 0:
        yield from frames
        return
    window: deque[Frame] = deque()
    damage = None
    try:
        for frame in frames:
            window.append(frame)
            if len(window) > count:
                first = window.popleft()
                yield replace(first, ahead=tuple(window))
    except PropagoError as error:
        damage = error
    while window:
        first = window.popleft()
        yield replace(first, ahead=tuple(window))
    if damage:
        raise damage
