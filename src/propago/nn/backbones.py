"""Image encoders: what every method sees of a picture, at named strides."""

from dataclasses import dataclass

from torch import Tensor, nn

from propago.nn.blocks import conv_bn
from propago.nn.efficientnet import EfficientNetLite0
from propago.ops.resize import bilinear


@dataclass(frozen=True)
class Pyramid:
    """Features of a batch of images: `levels` maps a stride to its (B, C, H/stride, W/stride)."""

    levels: dict[int, Tensor]

    def __getitem__(self, stride: int) -> Tensor:
        """The features at `stride`."""
        return self.levels[stride]


class CompactEncoder(nn.Module):
    """EfficientNet-Lite0 with features at strides 2, 4 and 8.

    Strides 16 and 32 are added back into stride 8 (Lin et al., feature pyramid networks, CVPR
    2017), so that matching sees both detail and meaning.
    """

    def __init__(self, width: int):
        super().__init__()
        self.trunk = EfficientNetLite0()
        inside = self.trunk.channels
        self.channels = {2: inside[2], 4: inside[4], 8: width}
        self.norm2 = nn.BatchNorm2d(inside[2])
        self.norm4 = nn.BatchNorm2d(inside[4])
        self.lateral32 = nn.Conv2d(inside[32], width, 1)
        self.lateral16 = nn.Conv2d(inside[16], width, 1)
        self.lateral8 = nn.Conv2d(inside[8], width, 1)
        self.merge16 = conv_bn(width, width)
        self.merge8 = conv_bn(width, width)

    def forward(self, images: Tensor) -> Pyramid:
        """Features of `images` (B, 3, H, W), RGB in [0, 1]; H and W divisible by 16."""
        trunk = self.trunk(images)
        wide = _add(self.lateral16(trunk[16]), self.lateral32(trunk[32]))
        eight = _add(self.lateral8(trunk[8]), self.merge16(wide))
        return Pyramid({2: self.norm2(trunk[2]), 4: self.norm4(trunk[4]), 8: self.merge8(eight)})


def _add(fine: Tensor, coarse: Tensor) -> Tensor:
    """`coarse` brought to the size of `fine`, added."""
    return fine + bilinear(coarse, fine.shape[-2:])
