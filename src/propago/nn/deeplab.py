"""DeepLabv3+ on a dilated ResNet: features at stride 4 that have seen a wide surrounding.

Source: Chen et al., "Encoder-Decoder with Atrous Separable Convolution for Semantic Image
Segmentation", ECCV 2018. Differs: ResNet in place of Xception; group normalisation in what has no
published weights, so that a batch of one picture can be learnt from.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from propago.nn.resnet import Bottleneck, ResNet
from propago.ops.resize import bilinear

RATES = (6, 12, 18)
"""Dilations of the pyramid's 3x3 convolutions, at stride 16."""

GROUPS = 32


class DilatedResNet(ResNet):
    """A ResNet whose last stage has stride 16: its convolutions are dilated by 2 instead.

    The names of the weights stay, and so do the published files.
    """

    channels: ClassVar = {4: 256, 8: 512, 16: 2048}

    def __init__(self, depth: int = 101):
        """A network of this depth without trained weights."""
        super().__init__(depth)
        for block in self.layer4:
            assert isinstance(block, Bottleneck)
            block.conv2.stride, block.conv2.dilation, block.conv2.padding = (1, 1), (2, 2), (2, 2)
            if block.downsample is not None:
                shortcut = block.downsample[0]
                assert isinstance(shortcut, nn.Conv2d)
                shortcut.stride = (1, 1)

    def forward(self, images: Tensor, beside: Tensor | None = None) -> dict[int, Tensor]:
        """(B, C, h, w) at strides 4, 8 and 16, the last of the fourth stage; see `ResNet`."""
        x = self.conv1((images - self.mean) / self.std)
        x = self.maxpool(self.relu(self.bn1(x if beside is None else x + beside)))
        quarter = self.layer1(x)
        eighth = self.layer2(quarter)
        return {4: quarter, 8: eighth, 16: self.layer4(self.layer3(eighth))}


def separable(inputs: int, outputs: int, kernel: int = 3, dilation: int = 1) -> nn.Sequential:
    """Each channel is filtered, then channels are mixed; each with norm and ReLU."""
    padding = kernel // 2 * dilation
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, kernel, 1, padding, dilation=dilation, groups=inputs, bias=False),
        *normalised(inputs),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        *normalised(outputs),
    )


def normalised(channels: int) -> tuple[nn.Module, nn.Module]:
    """What stands behind a convolution; groups of at least one channel."""
    groups = GROUPS if channels % GROUPS == 0 else 1
    return nn.GroupNorm(groups, channels), nn.ReLU(inplace=True)


class DeepLab(nn.Module):
    """Atrous spatial pyramid pooling at stride 16, and a decoder at stride 4."""

    def __init__(self, depth: int = 101, width: int = 256, low: int = 48):
        """A network without trained weights.

        Args:
            depth: of the ResNet.
            width: channels of the pyramid's branches and of the result.
            low: channels that stride 4 is reduced to.
        """
        super().__init__()
        self.trunk = DilatedResNet(depth)
        deep, quarter = self.trunk.channels[16], self.trunk.channels[4]
        self.branches = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(deep, width, 1, bias=False), *normalised(width)),
                *(separable(deep, width, dilation=rate) for rate in RATES),
            ]
        )
        self.whole = nn.Sequential(nn.Conv2d(deep, width, 1), nn.ReLU(inplace=True))
        together = width * (len(self.branches) + 1)
        self.mix = nn.Sequential(nn.Conv2d(together, width, 1, bias=False), *normalised(width))
        self.low = nn.Sequential(nn.Conv2d(quarter, low, 1, bias=False), *normalised(low))
        self.decode = nn.Sequential(separable(width + low, width), separable(width, width))

    def forward(self, images: Tensor) -> Tensor:
        """(B, width, H / 4, W / 4) of `images` (B, 3, H, W) RGB in [0, 1]."""
        features = self.trunk(images)
        deep, quarter = features[16], features[4]
        seen = [branch(deep) for branch in self.branches]
        whole = self.whole(deep.mean((-2, -1), keepdim=True)).expand_as(seen[0])
        mixed = self.mix(torch.cat([*seen, whole], 1))
        fine = bilinear(mixed, (quarter.shape[-2], quarter.shape[-1]))
        return self.decode(torch.cat([fine, self.low(quarter)], 1))
