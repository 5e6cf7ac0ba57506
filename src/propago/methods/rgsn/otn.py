"""The object tracking network: a scorer of boxes that learns one object of one video.

Sources: the authors' release of PTSNet (arXiv 1907.01203); Nam and Han, "Learning Multi-Domain
Convolutional Neural Networks for Visual Tracking" (MDNet), CVPR 2016. The features that it scores
are never changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.errors import require_range
from propago.methods.rgsn.candidates import drawn_around, grid_boxes

Head = Mapping[str, Tensor]
"""The scorer's weights: two hidden layers and a last one."""

AVERAGED_CANDIDATES = 5
"""How many of the best candidates are averaged to the box of the object."""

LOST_FRAMES = 2
"""After this many frames in a row without the object the whole picture is searched."""

MIN_SCORE_ANYWHERE = 2.0
"""The least score of a box from that search; near the last box it has to be above 0."""

SIDE_SCALES = (0.8, 1.25)
"""Sides of the boxes of that search, relative to the object when it was last seen."""

REFINED_CANDIDATES, BOXES_PER_CANDIDATE = 4, 32
"""How many of its best boxes are refined, and by how many boxes drawn around each."""

NEGATIVES_SEARCHED = 1024
"""In a step, the hardest negatives are searched among this many."""

LAST_LAYER_RATE_FACTOR = 10.0
"""The learning rate of the last layer, relative to that of the others."""

MAX_GRADIENT_NORM = 10.0
WEIGHT_DECAY = 5e-4


@dataclass(frozen=True)
class OtnSettings:
    """How the scorer is trained and used; in brackets the values of the release.

    Attributes:
        hidden: units of both layers (512).
        candidates: boxes drawn around the last one (the release has proposals).
        first_positives: positive boxes of an annotated frame (500).
        first_negatives: negative boxes of it (5000).
        positives: positive boxes of a frame in which the object was found (50).
        negatives: negative boxes of it (200).
        kept_positives: frames whose positives are remembered (100).
        kept_negatives: frames whose negatives are remembered (20).
        first_steps: training steps on an annotated frame (30).
        steps: training steps every `every_frames` (15).
        steps_after_failure: training steps where the object was not found (10).
        every_frames: frames between two trainings (10).
        batch: positives in a step (32).
        hardest: negatives in a step, the hardest of a sample (96).
        first_rate: learning rate on an annotated frame (1e-4, of other features).
        rate: later (2e-4, of other features).
        online: whether it is trained after the annotated frame at all.
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


def initial_scorer(inputs: int, hidden: int, generator: torch.Generator) -> Head:
    """An untrained scorer of `inputs` features."""
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


def trained_scorer(
    head: Head,
    positives: Tensor,
    negatives: Tensor,
    *,
    steps: int,
    rate: float,
    settings: OtnSettings,
    generator: torch.Generator,
) -> Head:
    """The scorer after training by stochastic gradient descent with momentum; `head` is kept.

    Args:
        head: the scorer to begin with.
        positives: (P, D) features of the object, at least one.
        negatives: (N, D) of other things; a step uses the hardest of a sample of them.
        steps: number of steps.
        rate: learning rate; `LAST_LAYER_RATE_FACTOR` times it for the last layer.
        settings: numbers of examples in a step.
        generator: source of the samples of each step.
    """
    weights = {name: tensor.detach().clone().requires_grad_() for name, tensor in head.items()}
    last = [weights[name] for name in weights if name.startswith("last")]
    others = [weights[name] for name in weights if not name.startswith("last")]
    groups = [{"params": others}, {"params": last, "lr": LAST_LAYER_RATE_FACTOR * rate}]
    optimiser = torch.optim.SGD(groups, rate, momentum=0.9, weight_decay=WEIGHT_DECAY)
    for _ in range(steps):
        with torch.no_grad():
            pool = _drawn(negatives, NEGATIVES_SEARCHED, generator)
            order = scores(weights, pool).argsort(descending=True, stable=True)
            hard = pool[order[: settings.hardest]]
            easy = _drawn(positives, settings.batch, generator)
        with torch.enable_grad():
            loss = F.softplus(-scores(weights, easy)).mean()
            if len(hard):
                loss = loss + F.softplus(scores(weights, hard)).mean()
            optimiser.zero_grad()
            loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), MAX_GRADIENT_NORM)
        optimiser.step()
    return {name: tensor.detach() for name, tensor in weights.items()}


def locate(
    head: Head,
    features_of: Callable[[Tensor], Tensor],
    candidates: Tensor,
) -> tuple[Tensor, float]:
    """The box of the object and its score; a score of 0 or less means that it was not found.

    Both are means over the `AVERAGED_CANDIDATES` best candidates.

    Args:
        head: the scorer.
        features_of: features (R, D) of boxes (R, 4).
        candidates: (R, 4), at least one.

    Returns:
        (4,) the box, and the score.
    """
    said = scores(head, features_of(candidates))
    best = said.topk(min(AVERAGED_CANDIDATES, len(said)))
    return candidates[best.indices].mean(0), float(best.values.mean())


def locate_anywhere(
    head: Head,
    features_of: Callable[[Tensor], Tensor],
    proposals: Tensor,
    sides: Tensor,
    size: tuple[int, int],
    generator: torch.Generator,
) -> tuple[Tensor, float]:
    """As `locate`, in the whole picture, for an object that was lost.

    The picture is covered with boxes; the best of them are refined by boxes drawn around each.

    Args:
        head: the scorer.
        features_of: features (R, D) of boxes (R, 4).
        proposals: (P, 4) of a detector.
        sides: (2,) its width and height when it was last seen.
        size: (H, W) of the picture.
        generator: source of the boxes drawn.
    """
    grids = [grid_boxes(sides * scale, size) for scale in SIDE_SCALES]
    coarse = torch.cat([proposals, *grids])
    best = coarse[scores(head, features_of(coarse)).topk(REFINED_CANDIDATES).indices]
    fine = [drawn_around(box, BOXES_PER_CANDIDATE, 0.15, size, generator) for box in best]
    return locate(head, features_of, torch.cat([best, *fine]))


def _drawn(rows: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """At most `most` of the rows, sampled without replacement."""
    order = torch.randperm(len(rows), generator=generator)[:most]
    return rows[order.to(rows.device)]
