"""What the network is trained for, on still pictures and on annotated frames."""

from typing import NamedTuple

from torch import Tensor, nn

from propago.methods.seg_with_spn.net import SegNet
from propago.nn.inference import laid_out
from propago.nn.losses import jaccard_distance, seg_loss

JACCARD = 1.0
"""Weight of the soft Jaccard distance."""


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
        return laid_out(self.images)


class SegObjective(nn.Module):
    """Loss of a foreground network on a batch: `seg_loss`."""

    def __init__(self, net: SegNet):
        super().__init__()
        self.net = net

    def forward(self, batch: SegBatch, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides nothing here."""
        logits = self.net(batch.pictures)
        loss, entropy = seg_loss(logits, batch.truth, JACCARD)
        overlap = 1 - jaccard_distance((logits.detach() > 0).float(), batch.truth)
        return loss, {
            "loss": loss.item(),
            "entropy": entropy.item(),
            "overlap": overlap.item(),
        }
