"""Image encoders: what every method sees of a picture, at named strides."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from propago.nn.blocks import Residual, conv_bn

IMAGE_MEAN = 0.45
IMAGE_STD = 0.25


@dataclass(frozen=True)
class Pyramid:
    """Features of a batch of images: `levels` maps a stride to its (B, C, H/stride, W/stride)."""

    levels: dict[int, Tensor]

    def __getitem__(self, stride: int) -> Tensor:
        """The features at `stride`."""
        return self.levels[stride]


class CompactEncoder(nn.Module):
    """A small residual encoder with features at strides 2, 4 and 8.

    Stride 16 is computed for its wide view and added back into stride 8, so that matching sees
    both detail and context.
    """

    def __init__(self, widths: Sequence[int]):
        super().__init__()
        first, second, third, fourth = widths
        self.channels = {2: first, 4: second, 8: third}
        self.stride2 = conv_bn(3, first, stride=2)
        self.stride4 = nn.Sequential(conv_bn(first, second, stride=2), Residual(second))
        self.stride8 = nn.Sequential(
            conv_bn(second, third, stride=2), Residual(third), Residual(third)
        )
        self.stride16 = nn.Sequential(
            conv_bn(third, fourth, stride=2),
            Residual(fourth),
            Residual(fourth, 2),
            Residual(fourth),
        )
        self.lateral = nn.Conv2d(fourth, third, 1)
        self.merge = conv_bn(third, third)

    def forward(self, images: Tensor) -> Pyramid:
        """Features of `images` (B, 3, H, W), RGB in [0, 1]; H and W divisible by 16."""
        two = self.stride2((images - IMAGE_MEAN) / IMAGE_STD)
        four = self.stride4(two)
        eight = self.stride8(four)
        wide = self.lateral(self.stride16(eight))
        wide = F.interpolate(wide, eight.shape[-2:], mode="bilinear", align_corners=False)
        return Pyramid({2: two, 4: four, 8: self.merge(eight + wide)})
