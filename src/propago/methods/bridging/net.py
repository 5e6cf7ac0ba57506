"""The network of Bridging: a category and a box for every position.

Source: Wu, Shen, van den Hengel, "Bridging Category-level and Instance-level Semantic Image
Segmentation", 2016. The paper trains two fully convolutional residual networks, one for categories
and one for boxes, as here `paper`; `compact` is one encoder with two heads.
"""

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from propago.io.categories import OUTPUTS
from propago.nn.blocks import separable
from propago.nn.dilated import DilatedResNet
from propago.nn.efficientnet import EfficientNetLite0
from propago.nn.presets import Preset
from propago.nn.published import Alike

STRIDE = 8
"""Pixels from position to position; the middle of the first is at half of it."""

BOX_PX = 64.0
"""What the box head counts in: neither paper nor review says what it counts in."""


@dataclass(frozen=True)
class BridgingConfig:
    """What a network is made of.

    Attributes:
        trunk: "lite0" is ours, with two heads; "resnet101" the paper's, twice.
        outputs: categories, the background among them as 0; the others are `io.categories`.
        width: channels of the shared features and the heads; ours.
        depth: convolutions of each head; ours.
        kernel: of the paper's classifier.
        dilation: of the paper's classifier.
    """

    trunk: Literal["lite0", "resnet101"] = "lite0"
    outputs: int = OUTPUTS
    width: int = 96
    depth: int = 3
    kernel: int = 5
    dilation: int = 12


PRESETS = {
    "compact": Preset(
        "bridging/compact",
        BridgingConfig(),
        size=320,
        weights={"default": "bridging-compact"},
    ),
    "paper": Preset("bridging/paper", BridgingConfig("resnet101"), size=375),
}
"""Pictures are brought to this short side; the paper's of PASCAL VOC have about 375 px."""


def bridging_net(config: BridgingConfig) -> "BridgingNet | FcrnPair":
    """The untrained network of a configuration."""
    return BridgingNet(config) if config.trunk == "lite0" else FcrnPair(config)


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

    def early(self, stride: int) -> list[nn.Parameter]:
        """The parameters of the encoder down to `stride`."""
        return self.encoder.early(stride)

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


class Fcrn(nn.Module):
    """A residual network at stride 8 and one dilated convolution that classifies its positions."""

    def __init__(self, outputs: int, kernel: int, dilation: int, depth: int = 101):
        super().__init__()
        self.trunk = DilatedResNet(depth)
        padding = dilation * (kernel // 2)
        self.classifier = nn.Conv2d(2048, outputs, kernel, 1, padding, dilation)
        nn.init.normal_(self.classifier.weight, std=0.01)

    def forward(self, images: Tensor) -> Tensor:
        """(B, outputs, H / 8, W / 8) of images (B, 3, H, W)."""
        return self.classifier(self.trunk(images)[STRIDE])


class FcrnPair(nn.Module):
    """The paper's two networks; its answer is that of `BridgingNet`."""

    def __init__(self, config: BridgingConfig):
        super().__init__()
        self.config = c = config
        self.categories, self.boxes = (Fcrn(n, c.kernel, c.dilation) for n in (c.outputs, 4))

    @property
    def pretrained(self) -> Alike:
        """The parts that begin from the same published weights."""
        return Alike(self.categories.trunk, self.boxes.trunk)

    def early(self, stride: int) -> list[nn.Parameter]:
        """The parameters of both trunks down to `stride`, counted as without dilation."""
        return [p for net in (self.categories, self.boxes) for p in net.trunk.early(stride)]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Category logits (B, outputs, h, w) and boxes (B, 4, h, w), see `BridgingNet`."""
        return self.categories(images), self.boxes(images) * BOX_PX
