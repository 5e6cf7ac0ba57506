"""Losses on masks of several objects that compete for each pixel."""

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.types import VOID


def competing_log_probabilities(logits: Tensor) -> Tensor:
    """(K + 1, H, W) log-softmax of object `logits` (K, H, W) against a background of logit 0."""
    return torch.cat([torch.zeros_like(logits[:1]), logits]).log_softmax(0)


def cross_entropy(log_probabilities: Tensor, labels: Tensor, hardest: float) -> Tensor:
    """Mean cross-entropy over all pixels, and over the hardest share of them, half each.

    Args:
        log_probabilities: (K + 1, H, W), background first.
        labels: (H, W) int64 in 0..K, or 255 where nobody knows.
        hardest: share of the pixels, in (0, 1], whose loss is counted again (online hard pixel
            mining; FEELVOS, section 3.5, uses the hardest 15 %).
    """
    losses = F.nll_loss(
        log_probabilities[None], labels[None], ignore_index=VOID, reduction="none"
    ).flatten()
    known = (labels != VOID).sum().clamp_min(1)
    count = max(1, int(hardest * losses.numel()))
    return (losses.sum() / known + losses.topk(count).values.mean()) / 2


def soft_jaccard(probabilities: Tensor, masks: Tensor, known: Tensor) -> Tensor:
    """(...) 1 - soft intersection over union of `probabilities` and `masks` (..., H, W).

    Args:
        probabilities: in [0, 1].
        masks: 0 or 1.
        known: 0 or 1, (..., H, W) or what broadcasts to it; unknown pixels count for nothing.
    """
    p, m = (probabilities * known).flatten(-2), (masks * known).flatten(-2)
    both = (p * m).sum(-1)
    return 1 - (both + 1) / (p.sum(-1) + m.sum(-1) - both + 1)
