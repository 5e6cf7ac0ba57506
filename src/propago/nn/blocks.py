"""Convolution blocks that several networks share."""

from torch import Tensor, nn

CHANNELS_OF_GROUP = 8


def conv_bn(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution without bias, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016, basic block)."""

    def __init__(self, channels: int, dilation: int = 1):
        super().__init__()
        self.first = conv_bn(channels, channels, dilation=dilation)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, dilation, dilation, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as `x`."""
        return self.relu(x + self.second(self.first(x)))


def separable(inputs: int, outputs: int) -> nn.Sequential:
    """3x3 convolution of each channel, 1x1 of all, group normalisation, ReLU.

    Groups do not depend on the other pictures of a batch, which in detection are few and unlike
    (Wu and He, "Group Normalization", ECCV 2018).
    """
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, 1, 1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.GroupNorm(outputs // CHANNELS_OF_GROUP, outputs),
        nn.ReLU(inplace=True),
    )
