"""What MaskRNN is trained for: one object carried through a clip, its own masks fed back.

Source: Hu et al., NIPS 2017: class-balanced cross-entropy and the smooth L1 distance of the box,
gradients through time. The soft Jaccard distance and the damage are ours.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from propago.data.damage import some_damaged
from propago.methods.maskrnn.net import DEEPEST, Estimate, MaskRnnNet, motion_planes
from propago.methods.maskrnn.region import (
    ABSENT,
    OFFSET_WEIGHTS,
    asked_about,
    inside,
    mask_boxes,
    refined,
    whole_picture,
)
from propago.nn.inference import laid_out
from propago.nn.losses import jaccard_distance, seg_loss
from propago.ops.boxes import encoded
from propago.ops.flow import warp
from propago.ops.resize import enlarged

SIDES = 0.2
"""Weight of the mean loss of the side outputs beside that of the fused one."""

BOX = 0.1
"""Weight of the loss of the box beside that of the mask."""


class MotionClips(NamedTuple):
    """Clips of equal size in which one object each is followed.

    Attributes:
        images: (B, T, 3, H, W) uint8 RGB.
        masks: (B, T, H, W) uint8; 0 other, 1 the object, 255 void.
        back: (B, T - 1, 2, H, W) float32 flow in pixels from each frame but the first to the one
            before.
        ahead: (B, T - 1, 2, H, W) flow from these frames to the next ones; of the last 0.
    """

    images: Tensor
    masks: Tensor
    back: Tensor
    ahead: Tensor


class MaskRnnObjective(nn.Module):
    """Loss of a network on a batch; frame 0 is given, each later one is predicted."""

    def __init__(self, net: MaskRnnNet, damaged: float = 0.3, jaccard: float = 1.0):
        """Train `net`.

        Args:
            net: the network.
            damaged: share of the masks fed back that are damaged first.
            jaccard: weight of the soft Jaccard distance; 0 is the paper's.
        """
        super().__init__()
        self.net = net
        self.damaged = damaged
        self.jaccard = jaccard

    def forward(self, batch: MotionClips, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss, and numbers for the log; `seed` decides the damage."""
        generator = torch.Generator().manual_seed(seed)
        images = batch.images.float() / 255
        size = (images.shape[-2], images.shape[-1])
        previous = (batch.masks[:, 0] == 1).float()
        everywhere = whole_picture(len(previous), size).to(previous)
        losses, box_losses, overlaps = [], [], []
        for t in range(1, images.shape[1]):
            fed = some_damaged(previous, self.damaged, generator)
            back, ahead = batch.back[:, t - 1], batch.ahead[:, t - 1]
            carried = warp(fed[:, None], back)[:, 0].clamp(0, 1)
            boxes, there = asked_about(carried.detach(), everywhere)
            estimate = self.net(laid_out(images[:, t]), carried, motion_planes(back, ahead), boxes)
            truth = batch.masks[:, t]
            losses.append(self._mask_loss(estimate, truth))
            box_losses.append(box_loss(estimate.offsets, boxes, there, truth))
            kept = inside(refined(estimate.offsets.detach(), boxes, there, size), size)
            previous = torch.where(kept, estimate.logits, ABSENT).sigmoid()
            overlaps.append(1 - jaccard_distance(previous.detach()[:, None], truth))
        boxed = torch.stack(box_losses).mean()
        loss = torch.stack(losses).mean() + BOX * boxed
        return loss, {
            "loss": loss.item(),
            "box": boxed.item(),
            "overlap": torch.stack(overlaps).mean().item(),
        }

    def _mask_loss(self, estimate: Estimate, truth: Tensor) -> Tensor:
        size = truth.shape[-2:]
        sides = [enlarged(side, size, DEEPEST) for side in estimate.sides]
        aside = torch.stack([seg_loss(side[:, None], truth, self.jaccard)[0] for side in sides])
        return seg_loss(estimate.logits[:, None], truth, self.jaccard)[0] + SIDES * aside.mean()


def box_loss(offsets: Tensor, boxes: Tensor, there: Tensor, truth: Tensor) -> Tensor:
    """Smooth L1 distance to the offsets of the true boxes; the mean over objects, 0 of none.

    Args:
        offsets: (N, 4) of the network.
        boxes: (N, 4) that it was asked about.
        there: (N,) whether something was carried into them; others count for nothing.
        truth: (N, H, W) uint8 masks, 1 on the object; where it is absent it counts for nothing.
    """
    true_boxes, visible = mask_boxes((truth == 1).float())
    counted = there & visible
    wanted = encoded(torch.where(counted[:, None], true_boxes, boxes), boxes, OFFSET_WEIGHTS)
    apart = F.smooth_l1_loss(offsets, wanted, reduction="none").sum(1) * counted
    return apart.sum() / counted.sum().clamp_min(1)
