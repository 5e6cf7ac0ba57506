"""The object tracking network: a scorer of boxes that learns one object of one video.

Sources: the authors' release of PTSNet (arXiv 1907.01203); Nam and Han, "Learning Multi-Domain
Convolutional Neural Networks for Visual Tracking" (MDNet), CVPR 2016. The features that it scores
are never changed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.errors import require_range
from propago.ops.boxes import clipped, pairwise_ious

Head = Mapping[str, Tensor]
"""The scorer's weights: two hidden layers and a last one."""

POSITIVE_IOU, NEGATIVE_IOU = 0.7, 0.3
"""With the object's box: at least, at most."""

BEST = 5
"""The box is the mean of so many of the best candidates."""

NEAR_IOU, NEAR_IOU_AFTER_FAILURE = 0.3, 0.2
"""A proposal is a candidate that overlaps the last box by more."""

LOST_FRAMES = 2
"""So many frames in a row without the object, and it is looked for in all of the picture."""

CERTAIN = 2.0
"""What is found there counts with a higher score, where near the last box one above 0 does."""

SCALES = (0.8, 1.25)
"""Boxes that cover the picture, in parts of the sides of the object when it was last seen."""

MOST_ALONG = 24
"""At most so many of them stand beside each other, and above."""

LOOKED_AT_AGAIN, AROUND_EACH = 4, 32
"""The best of them, and the boxes drawn around each."""

POOL = 1024
"""Of so many negatives the hardest are learnt from."""

LAST_LAYER = 10.0
"""Times the learning rate of the others."""

MOST_GRADIENT = 10.0
DECAY = 5e-4
LEAST_SIDE_PX = 4.0


@dataclass(frozen=True)
class OtnSettings:
    """How the scorer learns and is asked; the release's numbers behind ours.

    Attributes:
        hidden: units of both layers (512).
        candidates: boxes drawn around the last one (the release has proposals).
        first_positives: examples of an annotated frame (500).
        first_negatives: (5000).
        positives: examples of a frame in which the object was found (50).
        negatives: (200).
        kept_positives: frames (100).
        kept_negatives: frames (20).
        first_steps: on an annotated frame (30).
        steps: every `every_frames` (15).
        steps_after_failure: (10).
        every_frames: (10).
        batch: positives of a step (32).
        hardest: negatives of a step (96).
        first_rate: learning rate on an annotated frame (1e-4, of other features).
        rate: later (2e-4, of other features).
        online: whether it learns after the annotated frame at all.
    """

    hidden: int = 128
    candidates: int = 96
    first_positives: int = 96
    first_negatives: int = 256
    positives: int = 16
    negatives: int = 48
    kept_positives: int = 20
    kept_negatives: int = 10
    first_steps: int = 30
    steps: int = 15
    steps_after_failure: int = 10
    every_frames: int = 10
    batch: int = 32
    hardest: int = 96
    first_rate: float = 2e-3
    rate: float = 2e-3
    online: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: a number that is not above 0, or that keeps no frame beside the first.
        """
        require_range(self, "kept_positives", "kept_negatives", least=2)
        require_range(self, *(name for name in vars(self) if name != "online"), above=0)


def untaught(inputs: int, hidden: int, generator: torch.Generator) -> Head:
    """A scorer of `inputs` features that has learnt nothing."""
    sizes = {"first": (hidden, inputs), "second": (hidden, hidden), "last": (1, hidden)}
    weights = {
        f"{name}.weight": torch.randn(size, generator=generator) * (2 / size[1]) ** 0.5
        for name, size in sizes.items()
    }
    return weights | {f"{name}.bias": torch.zeros(size[0]) for name, size in sizes.items()}


def scores(head: Head, features: Tensor) -> Tensor:
    """(R,) log-odds that features (R, D) are of the object."""
    x = features
    for name in ("first", "second"):
        x = F.linear(x, head[f"{name}.weight"], head[f"{name}.bias"]).relu()
    return F.linear(x, head["last.weight"], head["last.bias"])[:, 0]


def taught(
    head: Head,
    positives: Tensor,
    negatives: Tensor,
    *,
    steps: int,
    rate: float,
    settings: OtnSettings,
    generator: torch.Generator,
) -> Head:
    """The scorer after some steps of stochastic gradient with momentum; `head` is not changed.

    Args:
        head: before.
        positives: (P, D) features of the object, at least one.
        negatives: (N, D) of other things; of those drawn in a step the hardest count.
        steps: how many.
        rate: learning rate; of the last layer ten times as much.
        settings: sizes of a step.
        generator: decides the examples of each step.
    """
    weights = {name: tensor.detach().clone().requires_grad_() for name, tensor in head.items()}
    last = [weights[name] for name in weights if name.startswith("last")]
    others = [weights[name] for name in weights if not name.startswith("last")]
    groups = [{"params": others}, {"params": last, "lr": LAST_LAYER * rate}]
    optimiser = torch.optim.SGD(groups, rate, momentum=0.9, weight_decay=DECAY)
    for _ in range(steps):
        with torch.no_grad():
            pool = _drawn(negatives, POOL, generator)
            order = scores(weights, pool).argsort(descending=True, stable=True)
            hard = pool[order[: settings.hardest]]
            easy = _drawn(positives, settings.batch, generator)
        with torch.enable_grad():
            loss = F.softplus(-scores(weights, easy)).mean()
            if len(hard):
                loss = loss + F.softplus(scores(weights, hard)).mean()
            optimiser.zero_grad()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), MOST_GRADIENT)
        optimiser.step()
    return {name: tensor.detach() for name, tensor in weights.items()}


def found(
    head: Head,
    features_of: Callable[[Tensor], Tensor],
    candidates: Tensor,
) -> tuple[Tensor, float]:
    """The mean (4,) of the best of candidates (R, 4), and their mean score: 0 or less is failure.

    Args:
        head: the scorer.
        features_of: features (R, D) of boxes (R, 4).
        candidates: at least one.
    """
    said = scores(head, features_of(candidates))
    best = said.topk(min(BEST, len(said)))
    return candidates[best.indices].mean(0), float(best.values.mean())


def found_anywhere(
    head: Head,
    features_of: Callable[[Tensor], Tensor],
    proposals: Tensor,
    sides: Tensor,
    size: tuple[int, int],
    generator: torch.Generator,
) -> tuple[Tensor, float]:
    """As `found`, in all of a picture (H, W), for an object that was lost.

    The best of the boxes that cover the picture are looked at again with boxes drawn around them.

    Args:
        head: the scorer.
        features_of: features (R, D) of boxes (R, 4).
        proposals: (P, 4) of a detector.
        sides: (2,) its width and height when it was last seen.
        size: of the picture.
        generator: decides the boxes drawn.
    """
    grids = [everywhere(sides * scale, size) for scale in SCALES]
    coarse = torch.cat([proposals, *grids])
    best = coarse[scores(head, features_of(coarse)).topk(LOOKED_AT_AGAIN).indices]
    fine = [drawn_around(box, AROUND_EACH, 0.15, size, generator) for box in best]
    return found(head, features_of, torch.cat([best, *fine]))


def everywhere(sides: Tensor, size: tuple[int, int]) -> Tensor:
    """(R, 4) boxes with sides (2,) = (w, h), half of them apart, that cover a picture (H, W)."""
    whole = sides.new_tensor(size[::-1])
    steps = torch.maximum(sides / 2, whole / MOST_ALONG)
    x, y = (
        torch.arange(0, float(end), float(step)) for end, step in zip(whole, steps, strict=True)
    )
    middle = torch.cartesian_prod(x, y).to(sides)
    return _in_picture(torch.cat([middle - sides / 2, middle + sides / 2], 1), size)


def candidates_of(
    last: Tensor,
    proposals: Tensor,
    failed: bool,
    size: tuple[int, int],
    settings: OtnSettings,
    generator: torch.Generator,
) -> Tensor:
    """(R, 4) the boxes of which one may be the object's, in a picture (H, W).

    Args:
        last: (4,) its box in the frame before.
        proposals: (P, 4) of a detector; those near the last box count.
        failed: whether it was lost there: proposals farther away count, and boxes are drawn wider.
        size: of the picture.
        settings: how many are drawn.
        generator: decides them.
    """
    least = NEAR_IOU_AFTER_FAILURE if failed else NEAR_IOU
    near = proposals[pairwise_ious(proposals, last[None])[:, 0] > least]
    spread = 0.5 if failed else 0.2
    return torch.cat(
        [last[None], near, drawn_around(last, settings.candidates, spread, size, generator)]
    )


def drawn_around(
    box: Tensor, count: int, spread: float, size: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """(count, 4) boxes near a box (4,): moved by `spread` of its mean side, of about its size."""
    sides = (box[2:] - box[:2]).clamp_min(LEAST_SIDE_PX)
    moves = torch.randn(count, 2, generator=generator) * spread * sides.mean()
    growth = 1.05 ** torch.randn(count, 2, generator=generator)
    middle, half = (box[:2] + box[2:]) / 2 + moves.to(box), sides * growth.to(box) / 2
    return _in_picture(torch.cat([middle - half, middle + half], 1), size)


def examples(
    box: Tensor, positives: int, negatives: int, size: tuple[int, int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Boxes (P, 4) of an object in `box` (4,), and (N, 4) of other things; at most so many.

    The box itself is the first of them. Where it fills the picture there may be no negatives.
    """
    near = drawn_around(box, 4 * positives, 0.1, size, generator)
    wide = drawn_around(box, negatives, 1.0, size, generator)
    sides = (wide[:, 2:] - wide[:, :2]) / 2
    places = torch.rand(negatives, 2, generator=generator).to(box) * box.new_tensor(size[::-1])
    far = _in_picture(torch.cat([places - sides, places + sides], 1), size)
    other = torch.cat([wide, far])[torch.randperm(2 * negatives, generator=generator)]
    close = near[pairwise_ious(near, box[None])[:, 0] >= POSITIVE_IOU]
    other = other[pairwise_ious(other, box[None])[:, 0] <= NEGATIVE_IOU]
    return torch.cat([box[None], close])[:positives], other[:negatives]


def latest(kept: Sequence[Tensor], now: Tensor, most: int) -> tuple[Tensor, ...]:
    """What is kept of frames, with `now`: the first, which was annotated, and the latest others."""
    return (*kept[:1], *(*kept[1:], now)[-(most - 1) :])


def _in_picture(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 4) boxes within a picture (H, W), none thinner than a few pixels."""
    height, width = size
    least = min(LEAST_SIDE_PX, height, width)
    low = torch.minimum(boxes[:, :2], boxes.new_tensor([width - least, height - least]))
    low = low.clamp_min(0)
    return clipped(torch.cat([low, torch.maximum(boxes[:, 2:], low + least)], 1), size)


def _drawn(rows: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """At most so many of the rows, by chance."""
    order = torch.randperm(len(rows), generator=generator)[:most]
    return rows[order.to(rows.device)]
