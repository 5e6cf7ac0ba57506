"""ResNet-50 and ResNet-101 as encoders (He et al., CVPR 2016), under torchvision's names.

Two conventions are published. torchvision: the stride of a block sits in its 3x3 convolution, the
first pooling is padded, pictures are RGB, normalised by mean and standard deviation. The original
Caffe models: the stride sits in the first 1x1 convolution, the pooling is not padded and rounds up,
pictures are BGR in 0..255 less a mean; `caffe_state` translates their names and turns BGR around.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from propago.errors import UsageError, WeightsError
from propago.nn.published import FOLDER, PublishedEncoder

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Bottlenecks of each stage, by depth."""

StrideIn = Literal["3x3", "1x1"]

_FILES = {50: "resnet50-0676ba61.pth", 101: "resnet101-63fe2227.pth"}

_WIDTHS = (64, 128, 256, 512)
_EXPANSION = 4
_CAFFE_MEAN_BGR = (104.007, 116.669, 122.679)


class ResNet(PublishedEncoder):
    """The four stages, with features at strides 4 to 32.

    Batch norms always use their stored statistics, also in training, so that a batch of one picture
    can be learnt from; their scales and shifts learn.
    """

    channels: ClassVar = {4: 256, 8: 512, 16: 1024, 32: 2048}
    classifier: ClassVar = "fc."
    mean: Tensor
    std: Tensor

    def __init__(self, depth: int = 101, stride_in: StrideIn = "3x3"):
        """A network without trained weights.

        Args:
            depth: 50 or 101.
            stride_in: "3x3" is torchvision's convention, "1x1" the original Caffe models', each
                with its pooling and its normalisation of pictures. Weights of one convention fit
                a network of the other in name and shape, but not in what they compute.

        Raises:
            UsageError: another depth.
        """
        super().__init__()
        if depth not in BLOCKS:
            raise UsageError(f"ResNet of depth {depth}: there are {', '.join(map(str, BLOCKS))}")
        self.title, self.published = f"ResNet-{depth}", FOLDER + _FILES[depth]
        caffe = stride_in == "1x1"
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = StoredNorm(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 0 if caffe else 1, ceil_mode=caffe)
        stages, inputs = [], 64
        for n, (width, count) in enumerate(zip(_WIDTHS, BLOCKS[depth], strict=True)):
            outputs = width * _EXPANSION
            first = Bottleneck(inputs, width, 1 if n == 0 else 2, stride_in)
            stages.append(
                nn.Sequential(first, *(Bottleneck(outputs, width) for _ in range(count - 1)))
            )
            inputs = outputs
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        if caffe:
            mean, std = [value / 255 for value in reversed(_CAFFE_MEAN_BGR)], [1 / 255] * 3
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], False)

    def first_like(self, planes: int) -> nn.Conv2d:
        """A convolution of `planes` planes that stands beside the first one, see `forward`."""
        return nn.Conv2d(planes, self.conv1.out_channels, 7, 2, 3)

    def early(self, stride: int) -> list[nn.Parameter]:
        """The parameters that the features down to `stride` come from; none for 0."""
        stages = zip(
            self.channels, (self.layer1, self.layer2, self.layer3, self.layer4), strict=False
        )
        parts = [stage for own, stage in stages if own <= stride]
        first = [self.conv1, self.bn1] if parts else []
        return [p for part in (*first, *parts) for p in part.parameters()]

    def forward(self, images: Tensor, beside: Tensor | None = None) -> dict[int, Tensor]:
        """(B, C, h, w) at each stride of `channels`; sides are divided by it and rounded up.

        In the Caffe convention a side that does not divide by 32 may come out one shorter.

        Args:
            images: (B, 3, H, W) RGB in [0, 1].
            beside: (B, 64, H / 2, W / 2), added to what the first convolution says.
        """
        x = self.conv1((images - self.mean) / self.std)
        x = self.relu(self.bn1(x if beside is None else x + beside))
        features, x = {}, self.maxpool(x)
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        for stride, stage in zip(self.channels, stages, strict=True):
            features[stride] = x = stage(x)
        return features


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolution around a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int = 1, stride_in: StrideIn = "3x3"):
        super().__init__()
        outputs = width * _EXPANSION
        early, late = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(inputs, width, 1, early, bias=False)
        self.bn1 = StoredNorm(width)
        self.conv2 = nn.Conv2d(width, width, 3, late, 1, bias=False)
        self.bn2 = StoredNorm(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = StoredNorm(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), StoredNorm(outputs))
            if inputs != outputs
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 4 width, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class StoredNorm(nn.BatchNorm2d):
    """Batch normalisation by the stored statistics, also in training."""

    def __init__(self, channels: int):
        super().__init__(channels)
        self.training = False

    def train(self, mode: bool = True) -> "StoredNorm":
        """Stay as it is: `mode` decides nothing here."""
        return self


def caffe_state(blobs: Mapping[str, Sequence[Tensor]], depth: int = 101) -> dict[str, Tensor]:
    """An original Caffe model for `fill_published` of a `ResNet` with stride in "1x1".

    Args:
        blobs: the blobs of each layer, e.g. "res2a_branch2a", "bn2a_branch2a", "scale2a_branch2a".
        depth: 50 or 101.

    Raises:
        WeightsError: a layer is missing.
    """
    state: dict[str, Tensor] = {}
    try:
        for (conv, norm), layer in _caffe_layers(depth).items():
            kernel, *bias = blobs[layer]
            suffix = f"_{layer}" if layer == "conv1" else layer.removeprefix("res")
            mean, variance, factor = blobs[f"bn{suffix}"]
            mean, variance = mean / factor, variance / factor
            state[f"{conv}.weight"] = kernel[:, [2, 1, 0]] if layer == "conv1" else kernel
            state[f"{norm}.weight"], state[f"{norm}.bias"] = blobs[f"scale{suffix}"]
            state[f"{norm}.running_mean"] = mean - bias[0] if bias else mean
            state[f"{norm}.running_var"] = variance
    except KeyError as error:
        raise WeightsError(
            f"these are not the layers of a Caffe ResNet-{depth}: no {error}"
        ) from error
    return state


def _caffe_layers(depth: int) -> dict[tuple[str, str], str]:
    """Our names of each convolution and its norm, and the Caffe name of the convolution.

    Blocks are called a, b, c; where depth 101 has many, a, b1, b2, ...
    """
    layers = {("conv1", "bn1"): "conv1"}
    for stage, count in enumerate(BLOCKS[depth], 1):
        for n in range(count):
            many = depth > 50 and stage in (2, 3)
            block = f"b{n}" if many and n else "abcdef"[n]
            ours, theirs = f"layer{stage}.{n}", f"res{stage + 1}{block}_branch"
            if n == 0:
                layers[f"{ours}.downsample.0", f"{ours}.downsample.1"] = f"{theirs}1"
            for k, letter in enumerate("abc", 1):
                layers[f"{ours}.conv{k}", f"{ours}.bn{k}"] = f"{theirs}2{letter}"
    return layers
