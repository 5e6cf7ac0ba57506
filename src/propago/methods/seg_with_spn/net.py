"""The two-class network of Seg-with-SPN: features of three strides, fused, one linear classifier.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017, section 2, and the layers of the authors' release.
"""

import copy
import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from propago.errors import ShapeError
from propago.nn.efficientnet import EfficientNetLite0
from propago.nn.inference import laid_out
from propago.nn.presets import Preset
from propago.nn.resnet import ResNet, StrideIn
from propago.ops.resize import bilinear, padded, resize, scaled_size

STRIDES = (8, 16, 32)
"""Of the features that are fused, at the first of them."""


@dataclass(frozen=True)
class SegConfig:
    """What a network is made of.

    Attributes:
        trunk: "resnet101" is the paper's; "lite0" (EfficientNet-Lite0) is ours, for a CPU.
        outputs: 1 for foreground against background, or how many objects compete.
        width: channels between trunk and classifier.
        scales: factors of the features of strides 8, 16 and 32 before they are put together.
        non_linear: a ReLU before the last layer. The paper has none: its head is one linear
            classifier.
        stride_in: convention of the ResNet's weights, see `ResNet`.
    """

    trunk: Literal["lite0", "resnet101"] = "lite0"
    outputs: int = 1
    width: int = 128
    scales: tuple[float, float, float] = (0.2, 0.2, 0.2)
    non_linear: bool = True
    stride_in: StrideIn = "3x3"


PRESETS = {
    "compact": Preset(
        "seg_with_spn/compact",
        SegConfig(),
        size=304,
        weights={"default": "seg-with-spn-foreground"},
    ),
    "paper": Preset(
        "seg_with_spn/paper",
        SegConfig("resnet101", scales=(0.2, 0.2, 1.0), non_linear=False),
        size=480,
    ),
}
"""The sizes it comes in; the paper works on whole frames of 854x480."""


class SegNet(nn.Module):
    """Foreground against background, or objects against each other and the background.

    The background has the logit 0. With one output that is the paper's two-way softmax, whose two
    logits may be shifted together until the first is 0: softmax(0, z) = sigmoid(z).
    """

    def __init__(self, config: SegConfig | None = None):
        super().__init__()
        self.config = config or SegConfig()
        if self.config.trunk == "resnet101":
            self.trunk: ResNet | EfficientNetLite0 = ResNet(101, self.config.stride_in)
        else:
            self.trunk = EfficientNetLite0()
        inputs = sum(self.trunk.channels[stride] for stride in STRIDES)
        self.reduce = nn.Conv2d(inputs, self.config.width, 1)
        self.score = nn.Conv2d(self.config.width, self.config.outputs, 1)
        for layer in (self.reduce, self.score):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(layer.bias, 0)  # type: ignore[arg-type]

    @property
    def pretrained(self) -> ResNet | EfficientNetLite0:
        """The part whose weights are published."""
        return self.trunk

    def forward(self, images: Tensor) -> Tensor:
        """Logits of each output, the background's being 0.

        The picture's last row and column are repeated until the coarsest stride divides its sides:
        only so do the grids of all strides lie over each other.

        Args:
            images: (B, 3, H, W) RGB in [0, 1], any size.

        Returns:
            (B, outputs, H, W).

        Raises:
            ShapeError: not (B, 3, H, W), or without pixels.
        """
        if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
            raise ShapeError(
                f"pictures are (B, 3, H, W), not empty; these are {tuple(images.shape)}"
            )
        height, width = images.shape[-2:]
        whole = padded(images, STRIDES[-1])
        logits = self.score(self._fused(whole))
        return bilinear(logits, whole.shape[-2:])[..., :height, :width]

    def _fused(self, images: Tensor) -> Tensor:
        """(B, width, H / 8, W / 8)."""
        seen = self.trunk(images)
        features = [
            bilinear(seen[stride] * scale, seen[STRIDES[0]].shape[-2:])
            for stride, scale in zip(STRIDES, self.config.scales, strict=True)
        ]
        x = self.reduce(torch.cat(features, 1))
        return x.relu() if self.config.non_linear else x


def with_outputs(net: SegNet, outputs: int) -> SegNet:
    """A copy of a foreground network in which `outputs` objects share the foreground.

    Each output begins as the foreground's, less log(`outputs`): the copy says what `net` says of
    object against background, and nothing of which object it is.

    Args:
        net: a network of one output; it stays as it is.
        outputs: how many objects, at least 1.

    Raises:
        ShapeError: `net` has several outputs, or `outputs` is below 1.
    """
    if net.config.outputs != 1 or outputs < 1:
        raise ShapeError(
            f"{outputs} outputs from a network of {net.config.outputs}: a network of 1 output can "
            "be given 1 or more"
        )
    copied = copy.deepcopy(net)
    copied.config = replace(net.config, outputs=outputs)
    copied.score = nn.Conv2d(net.config.width, outputs, 1).to(net.score.weight)
    with torch.no_grad():
        copied.score.weight.copy_(net.score.weight.expand_as(copied.score.weight))
        copied.score.bias.copy_(net.score.bias.expand(outputs) - math.log(outputs))  # type: ignore[union-attr]
    return copied


@torch.no_grad()
def foreground_probability(net: SegNet, image: Tensor, short_px: int) -> Tensor:
    """(H, W) in [0, 1]: where a network of one output sees foreground.

    Args:
        net: in evaluation mode.
        image: (3, H, W) RGB in [0, 1].
        short_px: short side that the image is worked on at.
    """
    size = (image.shape[-2], image.shape[-1])
    image = image.to(next(net.parameters()).device)
    small = resize(image, scaled_size(size, short_px))[None]
    return bilinear(net(laid_out(small)), size)[0, 0].sigmoid()
