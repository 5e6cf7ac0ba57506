"""What RGMP is trained for: one object carried through a clip, its own soft masks fed back.

The authors published no training code. Cross-entropy and back-propagation through time are the
paper's; the soft Jaccard distance, the coarse outputs' share and the damage are ours.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from propago.data.damage import some_damaged
from propago.methods.rgmp.net import DEEPEST, RgmpNet
from propago.nn.inference import laid_out
from propago.nn.losses import binary_entropy, soft_jaccard
from propago.ops.resize import enlarged
from propago.types import VOID

COARSE = 0.2
"""Weight of the mean loss of the coarser outputs beside that of the finest."""


class ObjectClips(NamedTuple):
    """Clips of equal size in which one object each is followed.

    Attributes:
        images: (B, T, 3, H, W) uint8 RGB.
        masks: (B, T, H, W) uint8; 0 other, 1 the object, 255 void.
    """

    images: Tensor
    masks: Tensor


class RgmpObjective(nn.Module):
    """Loss of a network on a batch: frame 0 is the reference, each later frame is predicted.

    A clip of two frames is a pair, as in the paper's first stage; gradients flow through all the
    predictions of a longer one, its second.
    """

    def __init__(self, net: RgmpNet, damaged: float = 0.4):
        """Train `net`; a share `damaged` of the masks that are fed back is damaged first."""
        super().__init__()
        self.net = net
        self.damaged = damaged

    def forward(self, batch: ObjectClips, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides the damage."""
        generator = torch.Generator().manual_seed(seed)
        images = batch.images.float() / 255
        previous = (batch.masks[:, 0] == 1).float()
        reference = self.net.reference(laid_out(images[:, 0]), previous)
        losses, overlaps = [], []
        for t in range(1, images.shape[1]):
            fed = some_damaged(previous, self.damaged, generator)
            levels = self.net.levels(reference, laid_out(images[:, t]), fed)
            *coarse, finest = (enlarged(level, previous.shape[-2:], DEEPEST) for level in levels)
            truth = batch.masks[:, t]
            previous = finest.sigmoid()
            apart = _apart(previous, truth)
            aside = torch.stack([binary_entropy(level, truth) for level in coarse]).mean()
            losses.append(binary_entropy(finest, truth) + apart.mean() + COARSE * aside)
            overlaps.append(1 - apart.detach().mean())
        loss = torch.stack(losses).mean()
        return loss, {"loss": loss.item(), "overlap": torch.stack(overlaps).mean().item()}


def _apart(probabilities: Tensor, truth: Tensor) -> Tensor:
    """(B,) soft Jaccard distance where the object is there; elsewhere 0."""
    mask = truth == 1
    apart = soft_jaccard(probabilities, mask.float(), (truth != VOID).float())
    return apart * mask.flatten(1).any(1)
