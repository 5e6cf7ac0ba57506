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
from propago.nn.efficientnet import EfficientNetLite0
from propago.nn.presets import Preset
from propago.nn.vgg import STAGES, Vgg16
from propago.ops.resize import bilinear, padded
from propago.ops.scan import DIRECTIONS, Normalise, propagate

CONNECTIONS = 3
GATES = len(DIRECTIONS) * CONNECTIONS
STRIDES = (2, 4, 8, 16)
"""Of the compact guidance, below full resolution."""
LEAST_TRUST = 1e-6
"""Divisor where neither object nor background arrives."""


@dataclass(frozen=True)
class SpnConfig:
    """What a network is made of.

    Attributes:
        guidance: "vgg16" is the paper's; "compact" is ours, for a CPU.
        widths: channels of the compact guidance at strides 1, 2, 4, 8 and 16.
        sees_mask: the compact guidance reads the coarse mask beside the picture. The paper's
            reads the picture alone.
        trusts: the compact guidance also says how far each pixel's coarse score is to be trusted.
            The paper propagates the mask alone; see `SpnNet`.
        rounds: of `propagate`; the paper has 1, the first published implementation 2.
        normalise: of `propagate`.
    """

    guidance: Literal["vgg16", "compact"] = "compact"
    widths: tuple[int, ...] = (12, 16, 24, 40, 64)
    sees_mask: bool = True
    trusts: bool = True
    rounds: int = 1
    normalise: Normalise = "above_one"


PRESETS = {
    "compact": Preset("spn/compact", SpnConfig(), weights={"default": "spn-compact"}),
    "paper": Preset("spn/paper", SpnConfig(guidance="vgg16")),
}
"""The sizes it comes in; it works on crops at their own size."""


class SpnNet(nn.Module):
    """Sharpens coarse masks of pictures: gates from the guidance, then one propagation.

    A mask that is propagated alone and merged by max loses what it has too much only where zeros
    are carried there in every direction, in one of them through the whole object. With `trusts`,
    object and background are both propagated, each pixel weighted by a trust in (0, 1), and what
    arrives of the object is compared with what arrives of the background: where trust is low, the
    neighbours decide, as far as the gates let them pass.
    """

    def __init__(self, config: SpnConfig | None = None):
        super().__init__()
        self.config = config or SpnConfig()
        self._trusts = self.config.trusts and self.config.guidance == "compact"
        if self.config.guidance == "vgg16":
            self.guidance: VggGuidance | CompactGuidance = VggGuidance()
        else:
            outputs = GATES + self._trusts
            self.guidance = CompactGuidance(self.config.widths, self.config.sees_mask, outputs)

    @property
    def pretrained(self) -> EfficientNetLite0 | Vgg16:
        """The part whose weights are published."""
        return self.guidance.encoder

    def forward(self, images: Tensor, coarse: Tensor) -> Tensor:
        """Sharper masks; without `trusts` they may leave [0, 1] where gates are negative.

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
        x, gates = self.weighted(coarse, self.guidance(images, coarse))
        rounds, normalise = self.config.rounds, self.config.normalise
        return self.compared(propagate(x, gates, rounds=rounds, normalise=normalise))

    def weighted(self, coarse: Tensor, said: Tensor) -> tuple[Tensor, Tensor]:
        """What is propagated (B, 1 or 2, H, W), and the gates, of what the guidance has said."""
        batch, _, height, width = coarse.shape
        gates = said[:, :GATES].reshape(batch, 1, len(DIRECTIONS), CONNECTIONS, height, width)
        if not self._trusts:
            return coarse, gates
        return torch.cat([coarse, 1 - coarse], 1) * said[:, GATES:].sigmoid(), gates

    def compared(self, arrived: Tensor) -> Tensor:
        """(B, 1, H, W) masks of what has arrived of object and background (B, 1 or 2, H, W)."""
        if not self._trusts:
            return arrived
        both = arrived.clamp_min(0)
        return both[:, :1] / both.sum(1, keepdim=True).clamp_min(LEAST_TRUST)


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
        self.gates = _last_layer(widths[-1], GATES)

    def forward(self, images: Tensor, coarse: Tensor) -> Tensor:
        """(B, 12, H, W) gates.

        Args:
            images: (B, 3, H, W) RGB in [0, 1], any size.
            coarse: (B, 1, H, W) probabilities, which are not looked at.
        """
        *skips, x = self.encoder(padded(images, 2 ** len(STAGES))).values()
        for stage, skip in zip(self.up, reversed(skips), strict=True):
            x = stage(bilinear(x, skip.shape[-2:])) + skip
        return self.gates(x)[..., : images.shape[-2], : images.shape[-1]]


class CompactGuidance(nn.Module):
    """EfficientNet-Lite0 up to stride 16, and a narrow way up to full resolution."""

    def __init__(self, widths: tuple[int, ...], sees_mask: bool, outputs: int):
        super().__init__()
        self.sees_mask = sees_mask
        full, *inner = widths
        self.encoder = EfficientNetLite0(deepest=STRIDES[-1])
        self.fine = nn.Sequential(conv_bn(3 + sees_mask, full), conv_bn(full, full))
        self.lateral = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(self.encoder.channels[stride] + sees_mask, inside, 1, bias=False),
                nn.BatchNorm2d(inside),
            )
            for stride, inside in zip(STRIDES, inner, strict=True)
        )
        self.mix = nn.ModuleList(conv_bn(inside, inside) for inside in inner)
        self.up = nn.ModuleList(conv_bn(deep, shallow) for shallow, deep in pairwise(widths))
        self.gates = _last_layer(full, outputs)

    def forward(self, images: Tensor, coarse: Tensor) -> Tensor:
        """(B, 12 or 13, H, W): gates, and before the sigmoid the trust.

        Args:
            images: (B, 3, H, W) RGB in [0, 1], any size.
            coarse: (B, 1, H, W) probabilities of one object each.
        """
        picture, mask = (padded(x, STRIDES[-1]) for x in (images, coarse))
        seen, x = self.encoder(picture), torch.zeros(())
        for n in reversed(range(len(STRIDES))):
            here = self._with(seen[STRIDES[n]], F.avg_pool2d(mask, STRIDES[n]))
            x = self.mix[n](self.lateral[n](here) + x)
            x = F.interpolate(self.up[n](x), scale_factor=2, mode="bilinear", align_corners=False)
        x = x + self.fine(self._with(picture, mask) - 0.5)
        return self.gates(x)[..., : images.shape[-2], : images.shape[-1]]

    def _with(self, features: Tensor, mask: Tensor) -> Tensor:
        return torch.cat([features, mask], 1) if self.sees_mask else features


def _last_layer(inputs: int, outputs: int) -> nn.Conv2d:
    """0 at first: the propagation begins as the identity."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
