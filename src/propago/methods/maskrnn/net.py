"""The MaskRNN network: two streams that say where an object is, and one that says its box.

Source: Hu, Huang, Schwing, "MaskRNN: Instance Level Video Object Segmentation", NIPS 2017; the side
outputs after Caelles et al., "One-Shot Video Object Segmentation", CVPR 2017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from propago.nn.masked_encoder import MaskedEncoder, Trunk, trunk_called
from propago.nn.presets import Preset
from propago.nn.published import Alike
from propago.ops.resize import bilinear, enlarged, padded
from propago.ops.roi_align import pyramid_roi_align

DEEPEST = 32
"""Sides are padded to a multiple of this."""

BOX_STRIDE = 16
"""At which the box is read; VGG-16 has conv5_3 there."""

MOST_FLOW_PX = 16.0
"""Faster flow counts as much as this."""


@dataclass(frozen=True)
class MaskRnnConfig:
    """What a network is made of.

    Attributes:
        trunk: of both streams; "vgg16" is the paper's, "lite0" (EfficientNet-Lite0) ours, for a
            CPU.
        strides: of the side outputs.
        width: channels of each.
        mix: channels of a 3x3 convolution over all side outputs; 0: none, as in the paper.
        bins: along each side of a box.
        hidden: units of the two layers that say its box.
    """

    trunk: Trunk = "lite0"
    strides: tuple[int, ...] = (2, 4, 8, 16)
    width: int = 16
    mix: int = 32
    bins: int = 7
    hidden: int = 128


PRESETS = {
    "compact": Preset(
        "maskrnn/compact", MaskRnnConfig(), size=304, weights={"default": "maskrnn-compact"}
    ),
    "paper": Preset("maskrnn/paper", MaskRnnConfig("vgg16", mix=0, hidden=4096), size=480),
}
"""The sizes it comes in; the paper works on whole frames of 854x480."""


class Estimate(NamedTuple):
    """What the network says of N objects.

    Attributes:
        logits: (N, H, W), of the pictures' own size; both streams added.
        sides: (N, h, w) logits of each side output of each stream, at its own stride.
        offsets: (N, 4) from the boxes asked about to the objects', see `propago.ops.boxes.encoded`.
    """

    logits: Tensor
    sides: list[Tensor]
    offsets: Tensor


class SideOutputs(nn.Module):
    """Features at several strides to one logit a position, with a logit at each stride beside."""

    def __init__(self, channels: Mapping[int, int], strides: Sequence[int], width: int, mix: int):
        super().__init__()
        self.strides = tuple(strides)
        self.sides = nn.ModuleList(nn.Conv2d(channels[s], width, 3, padding=1) for s in strides)
        self.scores = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in strides)
        together = width * len(self.strides)
        self.mix = (
            nn.Sequential(nn.Conv2d(together, mix, 3, padding=1), nn.ReLU(inplace=True))
            if mix
            else nn.Identity()
        )
        self.fused = nn.Conv2d(mix or together, 1, 1)

    def forward(self, features: Mapping[int, Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Logits (N, h, w) at the finest stride, and at each stride.

        Args:
            features: (N, C, h, w) by stride.
        """
        seen = [side(features[s]) for side, s in zip(self.sides, self.strides, strict=True)]
        sides = [score(x)[:, 0] for score, x in zip(self.scores, seen, strict=True)]
        size = seen[0].shape[-2:]
        together = torch.cat([bilinear(x, tuple(size)) for x in seen], 1)
        return self.fused(self.mix(together))[:, 0], sides


class Localisation(nn.Module):
    """Two layers over the features of a box, which say how to move it (Girshick, Fast R-CNN)."""

    def __init__(self, channels: int, bins: int, hidden: int):
        super().__init__()
        self.bins = bins
        self.layers = nn.Sequential(
            nn.Linear(channels * bins**2, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
        )
        self.offsets = nn.Linear(hidden, 4)
        nn.init.normal_(self.offsets.weight, std=0.001)
        nn.init.zeros_(self.offsets.bias)

    def forward(self, features: Tensor, boxes: Tensor) -> Tensor:
        """(N, 4) offsets of boxes (N, 4), the nth read in row n of `features` (N, C, h, w)."""
        rows = [box[None] for box in boxes]
        pooled = pyramid_roi_align({BOX_STRIDE: features}, rows, self.bins, aligned=True)
        return self.offsets(self.layers(pooled.flatten(1)))


class MaskRnnNet(nn.Module):
    """The mask and box of objects in a frame, from their masks before, carried there by flow."""

    def __init__(self, config: MaskRnnConfig | None = None):
        super().__init__()
        self.config = config or MaskRnnConfig()
        made = self.config
        self.appearance = MaskedEncoder(made.trunk, deepest=max(made.strides))
        self.motion = trunk_called(made.trunk, max(made.strides))
        channels = self.motion.channels
        self.seen = SideOutputs(channels, made.strides, made.width, made.mix)
        self.moved = SideOutputs(channels, made.strides, made.width, made.mix)
        self.localisation = Localisation(channels[BOX_STRIDE], made.bins, made.hidden)

    @property
    def pretrained(self) -> Alike:
        """The parts whose weights are published: the trunk of each stream."""
        return Alike(self.appearance.trunk, self.motion)

    def forward(self, images: Tensor, carried: Tensor, motion: Tensor, boxes: Tensor) -> Estimate:
        """What the two streams and the localisation say of N objects.

        Args:
            images: (N, 3, H, W) or (1, 3, H, W) RGB in [0, 1].
            carried: (N, H, W) each object's probabilities in the frame before, carried here.
            motion: (N, 2, H, W) or (1, 2, H, W) of `motion_planes`.
            boxes: (N, 4) x0, y0, x1, y1 in pixels around what is carried.
        """
        masks = padded(carried[:, None], DEEPEST)
        features = self.appearance(padded(images, DEEPEST), masks)
        seen, seen_sides = self.seen(features)
        planes = padded(motion, DEEPEST).expand(len(masks), -1, -1, -1)
        moved, moved_sides = self.moved(self.motion(torch.cat([planes, masks], 1)))
        return Estimate(
            enlarged(seen + moved, carried.shape[-2:], DEEPEST),
            [*seen_sides, *moved_sides],
            self.localisation(features[BOX_STRIDE], boxes),
        )


def motion_planes(back: Tensor, ahead: Tensor) -> Tensor:
    """(N, 2, H, W) in [0, 1]: how fast every pixel moves, of which direction nothing is said.

    Args:
        back: (N, 2, H, W) flow to the frame before, in pixels.
        ahead: (N, 2, H, W) flow to the next frame; 0 where there is none.
    """
    speeds = [flow.square().sum(1).sqrt() for flow in (back, ahead)]
    return (torch.stack(speeds, 1) / MOST_FLOW_PX).clamp_max(1)
