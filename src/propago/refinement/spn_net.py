"""Networks that learn the affinities of the spatial propagation from a picture.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017, section 4.1, for two classes; the layers after Liu et al., "Learning Affinity
via Spatial Propagation Networks", NIPS 2017. A network starts as the identity: its gates are 0.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from propago.errors import ShapeError
from propago.nn.blocks import conv_bn
from propago.nn.vgg import STAGES, Vgg16
from propago.ops.scan import DIRECTIONS, Normalise, propagate

CONNECTIONS = 3
GATES = len(DIRECTIONS) * CONNECTIONS


@dataclass(frozen=True)
class SpnConfig:
    """What a network is made of.

    Attributes:
        guidance: "vgg16" is the paper's; "compact" is ours, for a CPU.
        widths: channels of the compact guidance at strides 1, 2, 4, ...
        sees_mask: the compact guidance reads the coarse mask beside the picture. The paper's
            reads the picture alone.
        rounds: of `propagate`; the paper has 1, the first published implementation 2.
        normalise: of `propagate`.
    """

    guidance: Literal["vgg16", "compact"] = "compact"
    widths: tuple[int, ...] = (12, 16, 24, 32)
    sees_mask: bool = True
    rounds: int = 1
    normalise: Normalise = "above_one"


class SpnNet(nn.Module):
    """Sharpens coarse masks of pictures: gates from the guidance, then one propagation."""

    def __init__(self, config: SpnConfig | None = None):
        super().__init__()
        self.config = config or SpnConfig()
        if self.config.guidance == "vgg16":
            self.guidance: nn.Module = VggGuidance()
        else:
            self.guidance = CompactGuidance(self.config.widths, self.config.sees_mask)

    def forward(self, images: Tensor, coarse: Tensor) -> Tensor:
        """Sharper masks, which may leave [0, 1] a little where gates are negative.

        Args:
            images: (B, 3, H, W) RGB in [0, 1], any size.
            coarse: (B, 1, H, W) probabilities of one object each.

        Returns:
            (B, 1, H, W).

        Raises:
            ShapeError: they do not fit each other.
        """
        batch, _, height, width = images.shape
        if tuple(coarse.shape) != (batch, 1, height, width):
            raise ShapeError(
                f"coarse masks of pictures {tuple(images.shape)} are {(batch, 1, height, width)}; "
                f"these are {tuple(coarse.shape)}"
            )
        gates = self.guidance(images, coarse)
        gates = gates.reshape(batch, 1, len(DIRECTIONS), CONNECTIONS, height, width)
        return propagate(coarse, gates, rounds=self.config.rounds, normalise=self.config.normalise)


class VggGuidance(nn.Module):
    """VGG-16 to pool5 and the mirrored way up; each stage adds what the encoder saw there."""

    def __init__(self):
        super().__init__()
        self.encoder = Vgg16()
        widths = [STAGES[-1][0], *(channels for channels, _ in reversed(STAGES))]
        self.up = nn.ModuleList(
            nn.Sequential(
                *(
                    layer
                    for n in range(count)
                    for layer in (
                        nn.Conv2d(inputs if n == 0 else outputs, outputs, 3, padding=1),
                        nn.ReLU(inplace=True),
                    )
                )
            )
            for (inputs, outputs), (_, count) in zip(
                pairwise(widths), reversed(STAGES), strict=True
            )
        )
        self.gates = _gates(widths[-1])

    def forward(self, images: Tensor, coarse: Tensor) -> Tensor:
        """(B, 12, H, W) gates; `coarse` is not looked at."""
        padded = _padded(images, 2 ** len(STAGES))
        skips, x = self.encoder(padded)
        for stage, skip in zip(self.up, reversed(skips), strict=True):
            x = stage(_enlarged(x, skip)) + skip
        return self.gates(x)[..., : images.shape[-2], : images.shape[-1]]


class CompactGuidance(nn.Module):
    """A small encoder with skips, for object crops."""

    def __init__(self, widths: tuple[int, ...], sees_mask: bool):
        super().__init__()
        self.sees_mask = sees_mask
        inputs = [3 + sees_mask, *widths[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(conv_bn(a, b, stride=2), conv_bn(b, b)) if n else conv_bn(a, b)
            for n, (a, b) in enumerate(zip(inputs, widths, strict=True))
        )
        self.up = nn.ModuleList(
            conv_bn(deep, shallow) for shallow, deep in reversed(list(pairwise(widths)))
        )
        self.gates = _gates(widths[0])

    def forward(self, images: Tensor, coarse: Tensor) -> Tensor:
        """(B, 12, H, W) gates."""
        seen = torch.cat([images, coarse], 1) if self.sees_mask else images
        x, skips = _padded(seen - 0.5, 2 ** len(self.up)), []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        for stage, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = _enlarged(stage(x), skip) + skip
        return self.gates(x)[..., : images.shape[-2], : images.shape[-1]]


def _gates(inputs: int) -> nn.Conv2d:
    """The last layer, 0 at first: the propagation begins as the identity."""
    layer = nn.Conv2d(inputs, GATES, 3, padding=1)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


def _padded(x: Tensor, multiple: int) -> Tensor:
    """`x` with its last row and column repeated until both sides are multiples."""
    height, width = x.shape[-2:]
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")
