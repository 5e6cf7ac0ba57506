"""How objects and background compete for a pixel: four rules, each a function of `Scores`.

Every rule returns scores whose logits hold the background first and decide `Scores.labels()`; the
probabilities are what a method's memory is fed. Scores of no object come back as they are.
"""

import torch
from torch import Tensor

from propago.types import Scores

EPSILON = 1e-6
"""Probabilities are clamped this far from 0 and 1 before their log-odds are taken."""

NEVER = -1e4
"""The logit of an object that lost a pixel under `hard_max`."""


def hard_max(scores: Scores) -> Scores:
    """The best object keeps its probability, the others get 0; background up to 0.5.

    Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation
    Network", DAVIS challenge 2017.
    """
    if not scores.ids:
        return scores
    best = scores.probabilities.amax(0)
    wins = scores.probabilities == best
    taken = torch.zeros_like(wins[0])
    for row in wins:
        row &= ~taken
        taken |= row
    logits = torch.where(wins, log_odds(best), NEVER)
    return _competed(scores, scores.probabilities * wins, logits)


def constant_background(scores: Scores, background: float = 0.5) -> Scores:
    """Objects share each pixel with a background of one constant score.

    p_k = s_k / (background + sum_j s_j), for object scores s in [0, 1].
    """
    if not scores.ids:
        return scores
    shares = scores.probabilities
    probabilities = shares / (shares.sum(0, keepdim=True) + background)
    logits = shares.clamp_min(EPSILON).log() - torch.tensor(background).log()
    return _competed(scores, probabilities, logits)


def odds_ratio(scores: Scores) -> Scores:
    """Soft aggregation: p_k is the odds of object k over the sum of all odds.

    The background's probability is the product of all (1 - p_k). One object alone competes with
    nobody and keeps its probability. Source: Oh et al., "Fast Video Object Segmentation by
    Reference-Guided Mask Propagation", CVPR 2018, equation 1.
    """
    if len(scores.ids) < 2:
        return joint_softmax(scores.replaced(scores.probabilities))
    nobody = torch.ones_like(scores.probabilities[0])
    for p in scores.probabilities:
        nobody *= 1 - p
    logits = log_odds(scores.probabilities).sub_(log_odds(nobody))
    return _competed(scores, _softmax_over_objects(logits), logits)


def joint_softmax(scores: Scores) -> Scores:
    """Softmax over background and objects together.

    On the method's own logits; where scores hold only probabilities, on their log-odds with 0 for
    the background. Source: Voigtlaender et al., "FEELVOS", CVPR 2019, section 3.5.
    """
    if not scores.ids:
        return scores
    if scores.logits is None:
        logits = log_odds(scores.probabilities)
    else:
        logits = scores.logits[1:] - scores.logits[:1]
    return _competed(scores, _softmax_over_objects(logits), logits)


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


def _competed(scores: Scores, probabilities: Tensor, logits: Tensor) -> Scores:
    """Scores with (K, H, W) probabilities and logits, the background at logit 0."""
    background = torch.zeros_like(logits[:1])
    return Scores(scores.ids, probabilities, torch.cat([background, logits]))
