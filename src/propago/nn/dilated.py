"""A residual network whose late stages keep the resolution: dilation in place of stride.

Source: Wu et al., "Bridging Category-level and Instance-level Semantic Image Segmentation", 2016;
Yu and Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", ICLR 2016.
"""

from collections.abc import Iterable
from typing import ClassVar, cast

from torch import Tensor, nn

from propago.nn.resnet import Bottleneck, ResNet


class DilatedResNet(ResNet):
    """A ResNet whose deepest features are at stride 8, under the same names.

    At the positions of stride 32 they are those of the ResNet with the same weights.
    """

    channels: ClassVar = {8: 2048}

    def __init__(self, depth: int = 101):
        super().__init__(depth)
        for before, stage in ((1, self.layer3), (2, self.layer4)):
            _dilate(cast(Iterable[Bottleneck], stage), before)

    def early(self, stride: int) -> list[nn.Parameter]:
        """The parameters of the stages down to `stride`, counted as in the ResNet; none for 0."""
        stages = {4: self.layer1, 8: self.layer2, 16: self.layer3, 32: self.layer4}
        parts = [stage for own, stage in stages.items() if own <= stride]
        first = [self.conv1, self.bn1] if parts else []
        return [p for part in (*first, *parts) for p in part.parameters()]

    def forward(self, images: Tensor, beside: Tensor | None = None) -> dict[int, Tensor]:
        """(B, 2048, H / 8, W / 8), rounded up, at stride 8, see `ResNet.forward`."""
        x = self.conv1((images - self.mean) / self.std)
        x = self.maxpool(self.relu(self.bn1(x if beside is None else x + beside)))
        return {8: self.layer4(self.layer3(self.layer2(self.layer1(x))))}


def _dilate(stage: Iterable[Bottleneck], before: int) -> None:
    """Take the stride out of a stage whose input is dilated by `before`; the rest by twice that."""
    for n, block in enumerate(stage):
        dilation = before if n == 0 else 2 * before
        block.conv2.stride = (1, 1)
        block.conv2.dilation = block.conv2.padding = (dilation, dilation)
        if block.downsample is not None:
            cast(nn.Conv2d, block.downsample[0]).stride = (1, 1)
