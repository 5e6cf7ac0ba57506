"""What the spatial propagation network is trained for: the true mask from a coarse one."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from propago.nn.inference import laid_out
from propago.nn.losses import soft_jaccard
from propago.refinement.spn.net import SpnNet
from propago.types import VOID

STEEPNESS = 8.0
"""Logits for a difference of 1 from the threshold of 0.5."""


NEAR_PX, NEAR_WEIGHT = 12, 6.0
"""How far around the outline pixels count more, and by how much."""


class CropBatch(NamedTuple):
    """Crops of equal size, one object each.

    Attributes:
        images: (B, 3, H, W) uint8 RGB.
        coarse: (B, 1, H, W) float32 in [0, 1].
        truth: (B, 1, H, W) uint8; 1 object, 0 not, 255 nobody knows.
    """

    images: Tensor
    coarse: Tensor
    truth: Tensor


class SpnObjective(nn.Module):
    """Loss of a network on a batch of crops.

    Cross-entropy in which pixels near the outline count more, because there alone a coarse mask is
    wrong; and the soft Jaccard distance. Probabilities p enter as logits STEEPNESS (p - 0.5), which
    have a gradient also where a coarse mask says exactly 0 or 1.
    """

    def __init__(self, net: SpnNet):
        super().__init__()
        self.net = net

    def forward(self, batch: CropBatch, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides nothing here."""
        known = (batch.truth != VOID).float()
        truth = (batch.truth == 1).float()
        logits = STEEPNESS * (self.net(laid_out(batch.images), batch.coarse) - 0.5)
        weight = known * (1 + NEAR_WEIGHT * _near(truth))
        entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        entropy = (entropy * weight).sum() / weight.sum().clamp_min(1)
        apart = soft_jaccard(logits.sigmoid(), truth, known)
        loss = entropy + apart.mean()
        before = soft_jaccard((batch.coarse > 0.5).float(), truth, known)
        after = soft_jaccard((logits.detach() > 0).float(), truth, known)
        return loss, {
            "loss": loss.item(),
            "j_before": 1 - before.mean().item(),
            "j_after": 1 - after.mean().item(),
        }


def _near(truth: Tensor) -> Tensor:
    """1 at most `NEAR_PX` rows and columns from the outline, else 0."""
    wide, narrow = (F.max_pool2d(x, 2 * NEAR_PX + 1, 1, NEAR_PX) for x in (truth, 1 - truth))
    return wide * narrow
