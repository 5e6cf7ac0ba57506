"""The network of Bridging: a category and a box for every position.

Source: Wu, Shen, van den Hengel, "Bridging Category-level and Instance-level Semantic Image
Segmentation", 2016. The paper trains two fully convolutional residual networks, one for categories
and one for boxes; ours is one encoder with two heads.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from propago.io.categories import OUTPUTS
from propago.nn.blocks import separable
from propago.nn.efficientnet import EfficientNetLite0
from propago.nn.presets import Preset

STRIDE = 8
"""Pixels from position to position; the middle of the first is at half of it."""

BOX_PX = 64.0
"""What the box head counts in: neither paper nor review says what it counts in."""


@dataclass(frozen=True)
class BridgingConfig:
    """What a network is made of.

    Attributes:
        outputs: categories, the background among them as 0; the others are `io.categories`.
        width: channels of the shared features and the heads.
        depth: convolutions of each head.
    """

    outputs: int = OUTPUTS
    width: int = 96
    depth: int = 3


PRESETS = {
    "compact": Preset(
        "bridging/compact",
        BridgingConfig(),
        size=320,
        weights={"default": "bridging-compact"},
    )
}
"""Pictures are brought to this short side."""


class BridgingNet(nn.Module):
    """Features at stride 8 to which strides 16 and 32 are added, and two heads."""

    def __init__(self, config: BridgingConfig | None = None):
        super().__init__()
        self.config = c = config or BridgingConfig()
        self.encoder = EfficientNetLite0()
        channels = self.encoder.channels
        self.lateral = nn.ModuleList(nn.Conv2d(channels[s], c.width, 1) for s in (8, 16, 32))
        self.merge = nn.ModuleList(separable(c.width, c.width) for _ in (8, 16))
        self.categories, self.boxes = (
            nn.Sequential(
                *(separable(c.width, c.width) for _ in range(c.depth)), nn.Conv2d(c.width, n, 1)
            )
            for n in (c.outputs, 4)
        )

    @property
    def pretrained(self) -> EfficientNetLite0:
        """The part whose weights are published."""
        return self.encoder

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Category logits (B, outputs, h, w) and boxes (B, 4, h, w) at stride 8.

        Of a box: how far its centre is from the middle of the position, x then y, its height and
        its width, all in pixels.

        Args:
            images: (B, 3, H, W) RGB in [0, 1], sides divisible by 32.
        """
        features = self.encoder(images)
        eight, sixteen, deepest = (
            lateral(features[stride])
            for lateral, stride in zip(self.lateral, (8, 16, 32), strict=True)
        )
        wide = self.merge[1](sixteen + F.interpolate(deepest, sixteen.shape[-2:], mode="nearest"))
        fine = self.merge[0](eight + F.interpolate(wide, eight.shape[-2:], mode="nearest"))
        return self.categories(fine), self.boxes(fine) * BOX_PX
