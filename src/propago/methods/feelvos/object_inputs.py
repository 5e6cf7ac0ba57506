"""What is known of each object before its mask is decoded."""

from dataclasses import dataclass

import torch
from torch import Tensor

from propago.methods.feelvos.rectangle import Rectangle
from propago.ops.flow import warp


@dataclass(frozen=True)
class Prepared:
    """What the head computes once of B frames.

    Attributes:
        context: (B, C, h, w) for the mask encoder.
        features: projected backbone features, coarse to fine.
    """

    context: Tensor
    features: tuple[Tensor, Tensor, Tensor]

    def inside(self, region: Rectangle) -> "Prepared":
        """Only what lies in `region`, counted in positions of the coarsest features."""
        coarse, middle, fine = self.features
        return Prepared(
            region.of(self.context),
            (region.of(coarse), region.of(middle, 2), region.of(fine, 4)),
        )


@dataclass(frozen=True)
class ObjectInputs:
    """What is known of N objects before their masks are decoded.

    Attributes:
        cues: (N, cue_channels, h, w) of `FeelvosNet.cues`.
        carried: (N, 1, H, W) the previous mask carried to this frame by optical flow.
        others: (N, 1, H, W) the same of all other objects of the frame together.
    """

    cues: Tensor
    carried: Tensor
    others: Tensor

    def inside(self, row: int, region: Rectangle, stride: int) -> "ObjectInputs":
        """One object, only what lies in `region`, counted in positions of `stride` pixels."""
        return ObjectInputs(
            region.of(self.cues[row : row + 1]),
            region.of(self.carried[row : row + 1], stride),
            region.of(self.others[row : row + 1], stride),
        )


def carry(
    before: Tensor, now: Tensor, masks: Tensor, flow: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Where optical flow says that the objects of the previous frame are now.

    Args:
        before: (3, H, W) the previous frame.
        now: (3, H, W) the present frame.
        masks: (K, H, W) probabilities in the previous frame.
        flow: (2, H, W) from the present frame to the previous one, pixels.

    Returns:
        (K, 1, H, W) each object, (K, 1, H, W) all others of it, and (1, H, W) the photometric
        error: the mean absolute difference of the present frame and the previous one carried here.
    """
    carried = warp(torch.cat([before, masks])[None], flow[None])[0]
    error = (carried[:3] - now).abs().mean(0, keepdim=True)
    return carried[3:, None], others_of(carried[3:])[:, None], error


def others_of(masks: Tensor) -> Tensor:
    """(K, H, W): for each of `masks` (K, H, W) the sum of all others, at most 1."""
    return (masks.sum(0, keepdim=True) - masks).clamp(0, 1)
