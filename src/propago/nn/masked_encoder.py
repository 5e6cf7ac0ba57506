"""An image encoder that sees masks: planes that enter beside the first convolution."""

from typing import Literal

from torch import Tensor, nn

from propago.nn.efficientnet import EfficientNetLite0
from propago.nn.resnet import ResNet
from propago.nn.vgg import Vgg16

Trunk = Literal["lite0", "resnet50", "vgg16"]
"""EfficientNet-Lite0, which is ours, for a CPU; ResNet-50 and VGG-16, which papers have."""

PublishedTrunk = EfficientNetLite0 | ResNet | Vgg16


def trunk_called(name: Trunk, deepest: int = 32) -> PublishedTrunk:
    """The encoder of that name, without trained weights; "lite0" ends at stride `deepest`."""
    if name == "lite0":
        return EfficientNetLite0(deepest)
    return ResNet(50) if name == "resnet50" else Vgg16()


class MaskedEncoder(nn.Module):
    """A published encoder and a convolution of further planes beside its first one.

    The same as a first convolution of more input channels, but the published weights stay as they
    are (Oh et al., RGMP, CVPR 2018, and the authors' release).
    """

    def __init__(self, trunk: Trunk, planes: int = 1, deepest: int = 32):
        super().__init__()
        self.trunk = trunk_called(trunk, deepest)
        self.beside = self.trunk.first_like(planes)

    def forward(self, images: Tensor, planes: Tensor) -> dict[int, Tensor]:
        """(B, C, h, w) at each stride of `trunk.channels`.

        Args:
            images: (B, 3, H, W) RGB in [0, 1]; or (1, 3, H, W), the same picture for every row.
            planes: (B, planes, H, W).
        """
        return self.trunk(images, self.beside(planes))
