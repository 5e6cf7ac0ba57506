"""What is known of one object: its references, its box, its scorer and what that learns from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from propago.methods.rgsn.candidates import NEAR_IOU, examples
from propago.methods.rgsn.net import box_features
from propago.methods.rgsn.otn import (
    Head,
    OtnSettings,
    initial_scorer,
    trained_scorer,
)
from propago.ops.boxes import pairwise_ious
from propago.ops.keeping import first_and_latest

RECENT = (4, 2)
"""The later references: so many frames ago."""

SIDES_RATE = 0.1
"""Share of the latest frame in the mean width and height."""

LEAST_AREA_PX = 50
"""What is smaller is not learnt from."""

_CHANCES = {"candidates": 0, "examples": 1}


@dataclass(frozen=True)
class Sight:
    """What was seen of a frame.

    Attributes:
        picture: (3, H, W).
        features: (C, h, w) by stride, of the frame at the working size.
        scale: pixels there over those of the frame.
        boxes: (4,) where each object was looked for, in pixels of the frame.
        confidences: how much that looks like it; 0 or less is failure.
    """

    picture: Tensor
    features: Mapping[int, Tensor]
    scale: float
    boxes: Mapping[int, Tensor] = field(default_factory=dict)
    confidences: Mapping[int, float] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frame."""
        return self.picture.shape[-2], self.picture.shape[-1]

    def of(self, boxes: Tensor) -> Tensor:
        """(R, D) features of boxes (R, 4) in pixels of the frame."""
        return box_features(self.features, boxes * self.scale)


@dataclass(frozen=True)
class Target:
    """One object.

    Attributes:
        reference: (C, h, w) of the frame it was last annotated in.
        recent: the same of the last frames, with the masks found there, oldest first.
        box: (4,) in the previous frame, in pixels.
        head: its scorer.
        positives: (n, D) float16 features of it, by frame.
        negatives: (n, D) float16 features of other things, by frame.
        sides: (2,) width and height, a slow mean over the frames in which it was found.
        frames: since it was annotated.
        lost_frames: so many in a row in which the scorer did not find it.
        decoder: parameters of the network's decoder fine-tuned on it; None without fine-tuning.
    """

    reference: Tensor
    recent: tuple[Tensor, ...]
    box: Tensor
    head: Head
    positives: tuple[Tensor, ...]
    negatives: tuple[Tensor, ...]
    sides: Tensor
    frames: int = 0
    lost_frames: int = 0
    decoder: Mapping[str, Tensor] | None = None

    def references(self) -> Tensor:
        """(3, C, h, w): the annotated frame, and later ones as soon as there are enough."""
        enough = len(self.recent) == max(RECENT)
        later = [self.recent[-ago] if enough else self.reference for ago in RECENT]
        return torch.stack([self.reference, *later])

    def generator(self, object_id: int, what: Literal["candidates", "examples"]) -> torch.Generator:
        """Chance that is the same whenever this frame of this object is looked at."""
        seed = (object_id * 1_000_003 + self.frames) * len(_CHANCES) + _CHANCES[what]
        return torch.Generator().manual_seed(seed)


def annotated(
    object_id: int, box: Tensor, reference: Tensor, sight: Sight, settings: OtnSettings
) -> Target:
    """An object that a person has shown in a box (4,): its scorer learns it there.

    Args:
        object_id: decides, with the frame, what is drawn by chance.
        box: around its mask, in pixels of the frame.
        reference: (C, h, w) of this frame with its mask.
        sight: of this frame.
        settings: how much is learnt.
    """
    begun = Target(reference, (), box, {}, (), (), box[2:] - box[:2])
    generator = begun.generator(object_id, "examples")
    yes, no = _features(sight, box, settings.first_positives, settings.first_negatives, generator)
    head = initial_scorer(yes.shape[1], settings.hidden, generator.manual_seed(object_id))
    head = {name: tensor.to(yes.device) for name, tensor in head.items()}
    head = trained_scorer(
        head,
        yes.float(),
        no.float(),
        steps=settings.first_steps,
        rate=settings.first_rate,
        settings=settings,
        generator=generator,
    )
    return replace(begun, head=head, positives=(yes,), negatives=(no,))


def after_frame(
    object_id: int,
    target: Target,
    boxes: tuple[Tensor, Tensor | None],
    encoded: Tensor,
    sight: Sight,
    settings: OtnSettings,
) -> Target:
    """An object after a frame in which it was looked for.

    Args:
        object_id: decides, with the frame, what is drawn by chance.
        target: before.
        boxes: (4,) where it was looked for, and around the mask found there, if any.
        encoded: (C, h, w) of this frame with its mask.
        sight: of this frame.
        settings: how much is learnt, and how often.
    """
    at, around = boxes
    failed = sight.confidences.get(object_id, 1.0) <= 0
    if around is not None and float(pairwise_ious(around[None], at[None])) > NEAR_IOU:
        at = around
    now = replace(
        target,
        recent=(*target.recent, encoded)[-max(RECENT) :],
        box=at,
        sides=target.sides if failed else torch.lerp(target.sides, at[2:] - at[:2], SIDES_RATE),
        frames=target.frames + 1,
        lost_frames=target.lost_frames + 1 if failed else 0,
    )
    generator = now.generator(object_id, "examples")
    if not failed and float((at[2:] - at[:2]).prod()) > LEAST_AREA_PX:
        yes, no = _features(sight, at, settings.positives, settings.negatives, generator)
        now = replace(
            now,
            positives=first_and_latest(now.positives, yes, settings.kept_positives),
            negatives=first_and_latest(now.negatives, no, settings.kept_negatives),
        )
    due = now.frames % settings.every_frames == 0
    if not settings.online or not (failed or due):
        return now
    head = trained_scorer(
        now.head,
        torch.cat(now.positives).float(),
        torch.cat(now.negatives).float(),
        steps=settings.steps_after_failure if failed else settings.steps,
        rate=settings.rate,
        settings=settings,
        generator=generator,
    )
    return replace(now, head=head)


def _features(
    sight: Sight, box: Tensor, positives: int, negatives: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    yes, no = examples(box, positives, negatives, sight.size, generator)
    return sight.of(yes).half(), sight.of(no).half()
