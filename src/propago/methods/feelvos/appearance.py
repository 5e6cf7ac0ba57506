"""What tells an object from what is around it, learned in closed form from annotated frames.

Not in the paper. A linear function of the encoder's finest features is fitted to an annotated mask
and its surroundings, and corrects the logits of later frames near the object: what fine-tuning
does in many steps, for a few milliseconds. Nearest in the literature are the target models of
Robinson et al., "Learning Fast and Robust Target Models for Video Object Segmentation", CVPR 2020,
which are optimised step by step on coarse features, and go on learning from predictions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.methods.feelvos.net import FrameFeatures
from propago.methods.feelvos.rectangle import rectangle_around
from propago.ops.parallel import team
from propago.ops.ridge import Examples, examples

AROUND = 3
"""So many positions of stride 2 around an object are what it is told from."""

NEAR = 2
"""Within so many positions of stride 8 of an object its logits are corrected."""

MOST = 1.5
"""Scores are cut off there: +1 is what the object looks like, -1 what is around it."""

DISTRUSTED, TRUSTED = 0.8, 0.9
"""A score counts in full if it separates the object that the network sees from its surroundings
by so large a share of what it did where it was learned; not at all at the smaller share."""

UNIT = 4.0
"""Factor that brings embeddings, unit vectors, to the size of the other features."""


def appearance_examples(seen: FrameFeatures, masks: Tensor) -> Examples:
    """What K objects look like in a frame that was encoded whole.

    Args:
        seen: of the frame.
        masks: (K, H, W) probabilities.
    """
    return Examples.of_all(team().map(lambda mask: _of_one(seen, mask), masks))


@torch.autocast("cpu", enabled=False)  # scores are as fine as what they are learned from
@torch.autocast("cuda", enabled=False)
def corrections(
    seen: FrameFeatures, known: Examples, row: int, logits: Tensor, others: Tensor
) -> Tensor:
    """(H, W) how much the logits (H, W) of an object in a part of a frame are too low.

    Nothing where it touches another one: it was told from what is around it, not from that, and
    which of the two has a pixel is for the network.

    Args:
        seen: of that part.
        known: examples of all objects.
        row: of the object in `known`.
        logits: of the network.
        others: (H, W) how much of each pixel belongs to other objects.
    """
    shown = (F.avg_pool2d(logits[None], 2)[0] > 0).float()
    around = _wider(shown, AROUND)
    beyond, touching = around - shown, around * (F.max_pool2d(others[None], 2)[0] > 0.5)
    if touching.any() or not shown.any() or not beyond.any():
        return torch.zeros_like(logits)
    score = _score(seen, known.coefficients[row])
    separation = _mean(score, shown) - _mean(score, beyond)
    agreement = separation / known.separation[row].clamp_min(1e-3)
    trust = ((agreement - DISTRUSTED) / (TRUSTED - DISTRUSTED)).clamp(0, 1)
    cells = _wider(F.max_pool2d(shown[None], 4)[0], NEAR)
    near = cells.repeat_interleave(4, 0).repeat_interleave(4, 1)
    return _twice((trust * near * score)[None])[0]


def _of_one(seen: FrameFeatures, mask: Tensor) -> Examples:
    """A position belongs to an object of which it has half: parts thinner than it are kept."""
    share = (2 * F.avg_pool2d(mask[None], 2)[0]).clamp(max=1)
    region = rectangle_around(F.max_pool2d(share[None], 4)[0], 0.5, 1)
    if region is not None:
        seen, share = seen.inside(region), region.of(share, 4)
    eight, four, two = _levels(seen)
    features = torch.cat([_twice(torch.cat([_twice(eight), four])), two, torch.ones_like(two[:1])])
    near = _wider((share > 0.5).float(), AROUND)
    return examples(features.flatten(1), share.flatten(), near.flatten())


def _score(seen: FrameFeatures, coefficients: Tensor) -> Tensor:
    """(H / 2, W / 2) of the features that `_of_one` learned from, in [-`MOST`, `MOST`]."""
    eight, four, two = _levels(seen)
    of_eight, of_four, of_two, constant = coefficients[None].split(
        [len(eight), len(four), len(two), 1], 1
    )
    score = _twice(_dot(of_eight, eight)) + _dot(of_four, four)
    score = _twice(score) + _dot(of_two, two) + constant
    return score[0].clamp(-MOST, MOST)


def _levels(seen: FrameFeatures) -> tuple[Tensor, Tensor, Tensor]:
    """Features (C, H / stride, W / stride) at strides 8, 4 and 2."""
    return seen.embedding[0].float() * UNIT, seen.pyramid[4][0].float(), seen.pyramid[2][0].float()


def _dot(coefficients: Tensor, features: Tensor) -> Tensor:
    return torch.tensordot(coefficients, features, 1)


def _mean(x: Tensor, weight: Tensor) -> Tensor:
    return (x * weight).sum() / weight.sum()


def _wider(shown: Tensor, by: int) -> Tensor:
    """(H, W) of 0 and 1, with `by` positions more around what is shown."""
    rows = F.max_pool2d(shown[None], (2 * by + 1, 1), 1, (by, 0))
    return F.max_pool2d(rows, (1, 2 * by + 1), 1, (0, by))[0]


def _twice(x: Tensor) -> Tensor:
    """(C, 2h, 2w) of (C, h, w)."""
    return F.interpolate(x[None], scale_factor=2, mode="bilinear", align_corners=False)[0]
