"""Losses on masks: of objects that compete for each pixel, and of objects that are rare."""

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


def binary_entropy(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean cross-entropy of one object over all known pixels.

    Args:
        logits: (B, H, W).
        truth: (B, H, W) uint8; 1 the object, 255 where nobody knows.
    """
    known = (truth != VOID).float()
    losses = F.binary_cross_entropy_with_logits(
        logits, (truth == 1).float(), weight=known, reduction="sum"
    )
    return losses / known.sum().clamp_min(1)


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


def seg_loss(logits: Tensor, truth: Tensor, jaccard: float) -> tuple[Tensor, Tensor]:
    """Balanced cross-entropy with a share of the soft Jaccard distance, and the former alone.

    Balanced cross-entropy alone, as in the papers, asks for too much: where foreground is rare,
    pixels that are foreground with a chance of its fraction already score above 0.5. `jaccard`
    times the soft Jaccard distance is added, which has its optimum at the mask itself. The papers
    have none.

    Args:
        logits: (B, N, H, W) of the foreground (N = 1) or of objects; the background's is 0.
        truth: (B, H, W); 0 background, n for what output n - 1 says, 255 nobody knows.
        jaccard: at least 0.
    """
    entropy = balanced_loss(logits, truth)
    return entropy + jaccard * jaccard_loss(logits, truth), entropy


def balanced_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of outputs and background, each weighted by the share of all others.

    Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation
    Network", DAVIS challenge 2017, equation 1.

    With one output and w the share of foreground among an image's known pixels, those of the
    foreground weigh 1 - w, those of the background w. The mean over known pixels, where the paper
    has their sum; the mean over images of that. An image all of one kind has the loss 0. The paper
    has one output; the weights of several are ours.

    Args:
        logits: (B, N, H, W) of the foreground (N = 1) or of objects; the background's is 0.
        truth: (B, H, W); 0 background, n for what output n - 1 says, 255 nobody knows.
    """
    known = truth != VOID
    rows = torch.where(known, truth, 0).long()
    log_p = _with_background(logits).log_softmax(1)
    pixels = known.sum((1, 2)).clamp_min(1)
    counts = [((rows == n) & known).sum((1, 2)) for n in range(log_p.shape[1])]
    others = 1 - torch.stack(counts, 1) / pixels[:, None]
    weight = others.gather(1, rows.flatten(1)).view_as(rows) * known
    losses = -log_p.gather(1, rows[:, None])[:, 0] * weight
    return (losses.sum((1, 2)) / pixels).mean()


def jaccard_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Soft Jaccard distance in [0, 1]: of each output the mean over the images that show it.

    The mean over the outputs of that; an output that no image shows counts as 0.

    Args:
        logits: (B, N, H, W) of the foreground (N = 1) or of objects; the background's is 0.
        truth: (B, H, W); 0 background, n for what output n - 1 says, 255 nobody knows.
    """
    return jaccard_distance(_with_background(logits).softmax(1)[:, 1:], truth)


def _with_background(logits: Tensor) -> Tensor:
    """(B, N + 1, H, W), the background first."""
    return torch.cat([torch.zeros_like(logits[:, :1]), logits], 1)


def jaccard_distance(probabilities: Tensor, truth: Tensor) -> Tensor:
    """As `jaccard_loss`, of probabilities (B, N, H, W) in [0, 1]."""
    rows = torch.arange(1, probabilities.shape[1] + 1, device=truth.device)
    masks = (truth[:, None] == rows[:, None, None]).float()
    known = (truth[:, None] != VOID).float()
    there = masks.flatten(2).any(2)
    apart = soft_jaccard(probabilities, masks, known) * there
    return (apart.sum(0) / there.sum(0).clamp_min(1)).mean()
