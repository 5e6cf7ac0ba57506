"""What the two-class network is trained for, on still pictures and on annotated frames."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from propago.methods.seg_with_spn.net import SegNet
from propago.nn.losses import soft_jaccard
from propago.types import VOID


@dataclass(frozen=True)
class SegBatch:
    """Pictures of equal size.

    Attributes:
        images: (B, 3, H, W) uint8 RGB.
        truth: (B, H, W) uint8; 1 foreground, 0 background, 255 nobody knows.
    """

    images: Tensor
    truth: Tensor


class SegObjective(nn.Module):
    """Loss of a foreground network on a batch.

    The paper's balanced cross-entropy alone asks for too much: where foreground is rare, pixels
    that are foreground with a chance of its fraction already score above 0.5. `jaccard` times the
    soft Jaccard distance is added, which has its optimum at the mask itself. The paper has none.
    """

    def __init__(self, net: SegNet, jaccard: float = 1.0):
        super().__init__()
        self.net = net
        self.jaccard = jaccard

    def forward(self, batch: SegBatch, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides nothing here."""
        images = batch.images.float() / 255
        logits = self.net(images.contiguous(memory_format=torch.channels_last))
        entropy = balanced_loss(logits, batch.truth)
        apart = jaccard_loss(logits, batch.truth)
        overlap = 1 - _apart((logits.detach() > 0).float(), batch.truth)
        loss = entropy + self.jaccard * apart
        return loss, {
            "loss": loss.item(),
            "entropy": entropy.item(),
            "overlap": overlap.item(),
        }


def balanced_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of foreground and background, each weighted by the other's share (Eq. 1).

    With w the share of foreground among an image's known pixels, those of the foreground weigh
    1 - w, those of the background w. The mean over known pixels, where the paper has their sum; the
    mean over images of that. An image all of one kind has the loss 0.

    Args:
        logits: (B, 1, H, W) of the foreground.
        target: (B, H, W) 1 foreground, 0 background, 255 nobody knows.
    """
    return joint_loss(logits, target.long())


def joint_loss(logits: Tensor, rows: Tensor) -> Tensor:
    """Cross-entropy of objects and background, each weighted by the share of all others.

    For one object it is `balanced_loss`. Means as there.

    Args:
        logits: (B, N, H, W) of the objects; the background's is 0.
        rows: (B, H, W) int64: 0 background, n for the object of logit n - 1, 255 nobody knows.
    """
    known = rows != VOID
    rows = torch.where(known, rows, 0)
    log_p = torch.cat([torch.zeros_like(logits[:, :1]), logits], 1).log_softmax(1)
    pixels = known.sum((1, 2)).clamp_min(1)
    counts = [((rows == n) & known).sum((1, 2)) for n in range(log_p.shape[1])]
    others = 1 - torch.stack(counts, 1) / pixels[:, None]
    weight = others.gather(1, rows.flatten(1)).view_as(rows) * known
    losses = -log_p.gather(1, rows[:, None])[:, 0] * weight
    return (losses.sum((1, 2)) / pixels).mean()


def jaccard_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean soft Jaccard distance, in [0, 1], of the images that show foreground; else 0.

    Args:
        logits: (B, 1, H, W) of the foreground.
        target: (B, H, W) 1 foreground, 0 background, 255 nobody knows.
    """
    return _apart(logits.sigmoid(), target)


def _apart(probabilities: Tensor, target: Tensor) -> Tensor:
    truth, known = (target == 1).float(), (target != VOID).float()
    images = zip(probabilities, truth, known, strict=True)
    apart = torch.cat([soft_jaccard(p, t[None], k) for p, t, k in images])
    there = truth.flatten(1).any(1)
    return (apart * there).sum() / there.sum().clamp_min(1)
