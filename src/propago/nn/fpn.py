"""A feature pyramid: the meaning of coarse strides added to fine ones.

Source: Lin et al., "Feature Pyramid Networks for Object Detection", CVPR 2017, and, for the layers
and the coarsest level, torchvision's published models.
"""

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from propago.nn.blocks import separable


class FeaturePyramid(nn.Module):
    """Features of one width at the encoder's strides, and at twice the coarsest.

    Attributes:
        strides: of the levels, rising.
    """

    def __init__(
        self, channels: Mapping[int, int], strides: Sequence[int], width: int, light: bool
    ):
        """A pyramid without trained weights.

        Args:
            channels: of the encoder's features, by stride.
            strides: those of them to build on, rising.
            width: channels of every level.
            light: separable convolutions with norms, ours, in place of the paper's.
        """
        super().__init__()
        self.strides = (*strides, 2 * strides[-1])
        self.inner = nn.ModuleList(nn.Conv2d(channels[stride], width, 1) for stride in strides)
        self.layer = nn.ModuleList(
            separable(width, width) if light else nn.Conv2d(width, width, 3, 1, 1) for _ in strides
        )

    def forward(self, features: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """(B, width, h, w) by stride."""
        strides = self.strides[:-1]
        summed = self.inner[-1](features[strides[-1]])
        levels = {strides[-1]: self.layer[-1](summed)}
        for n in reversed(range(len(strides) - 1)):
            inner = self.inner[n](features[strides[n]])
            summed = inner + F.interpolate(summed, inner.shape[-2:], mode="nearest")
            levels[strides[n]] = self.layer[n](summed)
        coarsest = F.max_pool2d(levels[strides[-1]], 1, 2)
        return dict(sorted(levels.items())) | {self.strides[-1]: coarsest}
