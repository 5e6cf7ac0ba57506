"""What the network is trained for, on still pictures and on annotated frames."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from propago.methods.seg_with_spn.net import SegNet
from propago.nn.losses import soft_jaccard
from propago.types import VOID


class SegBatch(NamedTuple):
    """Pictures of equal size.

    Attributes:
        images: (B, 3, H, W) uint8 RGB.
        truth: (B, H, W) uint8; 0 background, n for what output n - 1 says, 255 nobody knows.
    """

    images: Tensor
    truth: Tensor

    @property
    def pictures(self) -> Tensor:
        """(B, 3, H, W) float32 in [0, 1], as the network takes them."""
        return (self.images.float() / 255).contiguous(memory_format=torch.channels_last)


class SegObjective(nn.Module):
    """Loss of a foreground network on a batch: `seg_loss`."""

    def __init__(self, net: SegNet, jaccard: float = 1.0):
        super().__init__()
        self.net = net
        self.jaccard = jaccard

    def forward(self, batch: SegBatch, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides nothing here."""
        logits = self.net(batch.pictures)
        loss, entropy = seg_loss(logits, batch.truth, self.jaccard)
        overlap = 1 - _apart((logits.detach() > 0).float(), batch.truth)
        return loss, {
            "loss": loss.item(),
            "entropy": entropy.item(),
            "overlap": overlap.item(),
        }


def seg_loss(logits: Tensor, truth: Tensor, jaccard: float) -> tuple[Tensor, Tensor]:
    """The loss, and the balanced cross-entropy in it.

    The paper's balanced cross-entropy alone asks for too much: where foreground is rare, pixels
    that are foreground with a chance of its fraction already score above 0.5. `jaccard` times the
    soft Jaccard distance is added, which has its optimum at the mask itself. The paper has none.

    Args:
        logits: (B, N, H, W) of the foreground (N = 1) or of objects; the background's is 0.
        truth: (B, H, W) as in `SegBatch`.
        jaccard: at least 0.
    """
    entropy = balanced_loss(logits, truth)
    return entropy + jaccard * jaccard_loss(logits, truth), entropy


def balanced_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of outputs and background, each weighted by the share of all others (Eq. 1).

    With one output and w the share of foreground among an image's known pixels, those of the
    foreground weigh 1 - w, those of the background w. The mean over known pixels, where the paper
    has their sum; the mean over images of that. An image all of one kind has the loss 0. The paper
    has one output; the weights of several are ours.

    Args:
        logits: (B, N, H, W) of the foreground (N = 1) or of objects; the background's is 0.
        truth: (B, H, W) as in `SegBatch`.
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
        truth: (B, H, W) as in `SegBatch`.
    """
    return _apart(_with_background(logits).softmax(1)[:, 1:], truth)


def _with_background(logits: Tensor) -> Tensor:
    """(B, N + 1, H, W), the background first."""
    return torch.cat([torch.zeros_like(logits[:, :1]), logits], 1)


def _apart(probabilities: Tensor, truth: Tensor) -> Tensor:
    rows = torch.arange(1, probabilities.shape[1] + 1, device=truth.device)
    masks = (truth[:, None] == rows[:, None, None]).float()
    known = (truth[:, None] != VOID).float()
    there = masks.flatten(2).any(2)
    apart = soft_jaccard(probabilities, masks, known) * there
    return (apart.sum(0) / there.sum(0).clamp_min(1)).mean()
