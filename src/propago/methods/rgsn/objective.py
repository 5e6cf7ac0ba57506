"""What RGSN is trained for: the mask of one object in a crop.

Cross-entropy is the release's; the soft Jaccard distance, the coarse outputs' share and the damage
are ours.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from propago.data.damage import some_damaged
from propago.methods.rgsn.net import DEEPEST, REFERENCES, RgsnNet
from propago.nn.inference import laid_out
from propago.nn.losses import binary_entropy, jaccard_distance
from propago.ops.resize import enlarged

COARSE = 0.2
"""Weight of the mean loss of the coarser outputs beside that of the finest."""


class CropBatch(NamedTuple):
    """Examples of equal size.

    Attributes:
        images: (B, 4, 3, S, S) float32 RGB in [0, 1]; three references, then the present frame.
        masks: (B, 4, S, S) uint8; 0 other, 1 the object, 255 void.
        heat: (B, S, S) where the object was in the frame before.
    """

    images: Tensor
    masks: Tensor
    heat: Tensor


class RgsnObjective(nn.Module):
    """Loss of a network on a batch."""

    def __init__(self, net: RgsnNet, damaged: float = 0.4):
        """Train `net`; a share `damaged` of the masks of the last two references is damaged."""
        super().__init__()
        self.net = net
        self.damaged = damaged

    def forward(self, batch: CropBatch, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides the damage."""
        generator = torch.Generator().manual_seed(seed)
        levels = self.net.levels(
            self._references(batch, generator), laid_out(batch.images[:, -1]), batch.heat
        )
        truth = batch.masks[:, -1]
        *coarse, finest = (enlarged(level, truth.shape[-2:], DEEPEST) for level in levels)
        aside = torch.stack([binary_entropy(level, truth) for level in coarse]).mean()
        apart = jaccard_distance(finest.sigmoid()[:, None], truth)
        loss = binary_entropy(finest, truth) + apart + COARSE * aside
        return loss, {"loss": loss.item(), "overlap": 1 - apart.item()}

    def _references(self, batch: CropBatch, generator: torch.Generator) -> Tensor:
        """(B, 3, C, h, w); no gradient goes through the later ones, which saves a third of a step.

        They have the weights of the first, which learn there and in the present frame.
        """
        known = (batch.masks[:, :REFERENCES] == 1).float()
        first = self.net.reference(laid_out(batch.images[:, 0]), known[:, 0])
        masks = some_damaged(known[:, 1:].flatten(0, 1), self.damaged, generator)
        with torch.no_grad():
            images = batch.images[:, 1:REFERENCES].flatten(0, 1)
            later = self.net.reference(laid_out(images), masks)
        return torch.cat([first[:, None], later.unflatten(0, (-1, REFERENCES - 1))], 1)
