"""How objects and background compete for a pixel: four rules, each a function of `SoftMasks`.

Every rule returns masks whose logits hold the background first and decide `SoftMasks.labels()`; the
probabilities are what a method's memory is fed. Masks of no object come back as they are.
"""

import torch
from torch import Tensor

from propago.types import SoftMasks

EPSILON = 1e-6
"""Probabilities are clamped this far from 0 and 1 before their log-odds are taken."""

NEVER = -1e4
"""The logit of an object that lost a pixel under `hard_max`."""


def hard_max(masks: SoftMasks) -> SoftMasks:
    """The best object keeps its probability, the others get 0; background up to 0.5.

    Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation
    Network", DAVIS challenge 2017.
    """
    if not masks.ids:
        return masks
    best = masks.probabilities.amax(0)
    wins = masks.probabilities == best
    taken = torch.zeros_like(wins[0])
    for row in wins:
        row &= ~taken
        taken |= row
    logits = torch.where(wins, log_odds(best), NEVER)
    return _competed(masks, masks.probabilities * wins, logits)


def constant_background(masks: SoftMasks, background: float = 0.5) -> SoftMasks:
    """Objects share each pixel with a background of one constant score.

    p_k = s_k / (background + sum_j s_j), for object masks s in [0, 1].
    """
    if not masks.ids:
        return masks
    shares = masks.probabilities
    probabilities = shares / (shares.sum(0, keepdim=True) + background)
    logits = shares.clamp_min(EPSILON).log() - torch.tensor(background).log()
    return _competed(masks, probabilities, logits)


def odds_ratio(masks: SoftMasks) -> SoftMasks:
    """Soft aggregation: p_k is the odds of object k over the sum of all odds.

    The background's probability is the product of all (1 - p_k). One object alone competes with
    nobody and keeps its probability. Source: Oh et al., "Fast Video Object Segmentation by
    Reference-Guided Mask Propagation", CVPR 2018, equation 1.
    """
    if len(masks.ids) < 2:
        return joint_softmax(masks.replaced(masks.probabilities))
    nobody = torch.ones_like(masks.probabilities[0])
    for p in masks.probabilities:
        nobody *= 1 - p
    logits = log_odds(masks.probabilities).sub_(log_odds(nobody))
    return _competed(masks, _softmax_over_objects(logits), logits)


def joint_softmax(masks: SoftMasks) -> SoftMasks:
    """Softmax over background and objects together.

    On the method's own logits; where masks hold only probabilities, on their log-odds with 0 for
    the background. Source: Voigtlaender et al., "FEELVOS", CVPR 2019, section 3.5.
    """
    if not masks.ids:
        return masks
    if masks.logits is None:
        logits = log_odds(masks.probabilities)
    else:
        logits = masks.logits[1:] - masks.logits[:1]
    return _competed(masks, _softmax_over_objects(logits), logits)


def one_hot(masks: SoftMasks) -> Tensor:
    """(K, H, W) float rows of the label map, one an object."""
    labels = masks.labels()
    rows = [torch.from_numpy(labels == i).float() for i in masks.ids]
    return torch.stack(rows) if rows else masks.probabilities


def log_odds(probabilities: Tensor) -> Tensor:
    """log(p / (1 - p)) of probabilities clamped to [EPSILON, 1 - EPSILON]; same shape."""
    return torch.logit(probabilities, EPSILON)


def _softmax_over_objects(logits: Tensor) -> Tensor:
    """Softmax of (K, H, W) logits beside a background logit of 0; (K, H, W)."""
    if logits.shape[0] == 1:
        return logits.sigmoid()
    peak = logits.amax(0, keepdim=True).clamp_min_(0)
    powers = (logits - peak).exp_()
    return powers.div_(powers.sum(0, keepdim=True).add_(peak.neg_().exp_()))


def _competed(masks: SoftMasks, probabilities: Tensor, logits: Tensor) -> SoftMasks:
    """Masks with (K, H, W) probabilities and logits, the background at logit 0."""
    background = torch.zeros_like(logits[:1])
    return SoftMasks(masks.ids, probabilities, torch.cat([background, logits]))
