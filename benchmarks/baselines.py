"""Two propagators without a network, to measure every method against.

`RepeatFirstMask` leaves each given mask where it is; `FlowCarried` moves it along DIS optical flow.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from propago.ops.aggregate import hard_max
from propago.ops.flow import dis_flow, grey, warp
from propago.types import Frame, GivenMasks, Scores


@dataclass(frozen=True)
class Still:
    """The masks so far: an id each, and (K, H, W) rows of 0 and 1; no rows before the first."""

    ids: tuple[int, ...] = ()
    masks: Tensor | None = None


class RepeatFirstMask:
    """Every object stays where it was last given."""

    look_ahead_frames = 0
    description: ClassVar[dict[str, str]] = {"method": "repeat the first mask", "weights": "none"}

    def begin(self) -> Still:
        """No objects."""
        return Still()

    def predict(self, state: Still, frame: Frame) -> tuple[Scores, None]:
        """The masks of the state, unmoved."""
        if state.masks is None:
            return Scores.none(frame.size), None
        return Scores(state.ids, state.masks), None

    def update(self, state: Any, seen: None, scores: Scores, given: GivenMasks | None) -> Still:
        """The masks as they are now labelled."""
        return Still(scores.ids, one_hot(scores))

    def aggregate(self, scores: Scores) -> Scores:
        """The best object wins."""
        return hard_max(scores)


@dataclass(frozen=True)
class Carried:
    """The masks of the previous frame, and its (H, W) uint8 luma to measure the flow against."""

    still: Still = Still()
    before: Tensor | None = None


class FlowCarried:
    """Every object moves with the pixels under it: DIS flow, bilinear warp, threshold 0.5."""

    look_ahead_frames = 0
    description: ClassVar[dict[str, str]] = {
        "method": "first mask carried by DIS flow",
        "weights": "none",
    }

    def begin(self) -> Carried:
        """No objects, no previous frame."""
        return Carried()

    def predict(self, state: Carried, frame: Frame) -> tuple[Scores, Tensor]:
        """The previous masks warped to this frame; seen: this frame's luma."""
        now = grey(frame.image)
        masks, ids = state.still.masks, state.still.ids
        if masks is None or state.before is None or not ids:
            return Scores.none(frame.size), torch.from_numpy(now)
        flow = torch.from_numpy(dis_flow(now, state.before.numpy()))
        return Scores(ids, warp(masks[None], flow[None])[0].clamp(0, 1)), torch.from_numpy(now)

    def update(
        self, state: Carried, seen: Tensor, scores: Scores, given: GivenMasks | None
    ) -> Carried:
        """The masks as they are now labelled, and the luma they belong to."""
        return replace(state, still=Still(scores.ids, one_hot(scores)), before=seen)

    def aggregate(self, scores: Scores) -> Scores:
        """The best object wins."""
        return hard_max(scores)


def one_hot(scores: Scores) -> Tensor:
    """(K, H, W) float rows of the label map, one an id."""
    labels = scores.labels()
    rows = [torch.from_numpy(labels == i).float() for i in scores.ids]
    return torch.stack(rows) if rows else scores.probabilities
