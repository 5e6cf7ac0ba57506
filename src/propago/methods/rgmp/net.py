"""The RGMP network: a Siamese encoder of pictures with masks, and a decoder of two encodings.

Source: Oh, Lee, Sunkavalli, Kim, "Fast Video Object Segmentation by Reference-Guided Mask
Propagation", CVPR 2018, and the layers of the authors' release.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from propago.nn.masked_encoder import MaskedEncoder, PublishedTrunk, Trunk
from propago.nn.presets import Preset
from propago.nn.refinement_decoder import RefinementDecoder
from propago.ops.resize import enlarged, padded

DEEPEST = 32
"""Stride at which the reference meets the present frame."""


@dataclass(frozen=True)
class RgmpConfig:
    """What a network is made of.

    Attributes:
        trunk: "resnet50" is the paper's; "lite0" (EfficientNet-Lite0) is ours, for a CPU.
        strides: at which the mask is refined, from coarse to fine.
        widths: channels of the decoder at stride 32, then at each of `strides`.
    """

    trunk: Trunk = "lite0"
    strides: tuple[int, ...] = (16, 8, 4, 2)
    widths: tuple[int, ...] = (128, 96, 64, 32, 16)


PRESETS = {
    "compact": Preset("rgmp/compact", RgmpConfig(), size=304, weights={"default": "rgmp-compact"}),
    "paper": Preset(
        "rgmp/paper", RgmpConfig("resnet50", (16, 8, 4), (256, 256, 256, 256)), size=480
    ),
}
"""The sizes it comes in; the paper works on whole frames of 854x480."""


class RgmpNet(nn.Module):
    """The mask of one object in a frame, from its mask before and from the frame it is known in.

    One logit a position; the authors' release has two, whose difference is the same.
    """

    def __init__(self, config: RgmpConfig | None = None):
        super().__init__()
        self.config = config or RgmpConfig()
        self.encoder = MaskedEncoder(self.config.trunk)
        channels = self.encoder.trunk.channels
        self.decoder = RefinementDecoder(
            2 * channels[DEEPEST], channels, self.config.strides, self.config.widths
        )

    @property
    def pretrained(self) -> PublishedTrunk:
        """The part whose weights are published."""
        return self.encoder.trunk

    def encode(self, images: Tensor, masks: Tensor) -> dict[int, Tensor]:
        """Features (N, C, h, w) by stride, of pictures with a mask each.

        Sides that 32 does not divide are padded with their last row and column.

        Args:
            images: (N, 3, H, W) RGB in [0, 1]; or (1, 3, H, W), the same for every mask.
            masks: (N, H, W) probabilities.
        """
        return self.encoder(padded(images, DEEPEST), padded(masks[:, None], DEEPEST))

    def reference(self, images: Tensor, masks: Tensor) -> Tensor:
        """(N, C, h, w): all that is remembered of frames in which masks are known, see `encode`."""
        return self.encode(images, masks)[DEEPEST]

    def levels(self, reference: Tensor, images: Tensor, previous: Tensor) -> list[Tensor]:
        """Logits of N objects at every stride of the decoder, the finest last; each (N, h, w).

        Args:
            reference: of `reference`, (N, C, h, w).
            images: (N, 3, H, W) or (1, 3, H, W), the present frames.
            previous: (N, H, W) each object's probabilities in the frame before.
        """
        now = self.encode(images, previous)
        return self.decoder(torch.cat([reference, now[DEEPEST]], 1), now)

    def forward(self, reference: Tensor, images: Tensor, previous: Tensor) -> Tensor:
        """(N, H, W) logits, of the pictures' own size; arguments as of `levels`."""
        return enlarged(self.levels(reference, images, previous)[-1], previous.shape[-2:], DEEPEST)
