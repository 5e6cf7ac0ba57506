"""The dynamic segmentation head: the same small decoder for each object, however many."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from propago.nn.backbones import Pyramid
from propago.nn.blocks import Residual


class MaskEncoder(nn.Module):
    """Describes what a mask looks like at each position, finer than the stride."""

    def __init__(self, features: int, values: int, stride: int, width: int = 48):
        super().__init__()
        self.stride = stride
        self.context = nn.Conv2d(features, width, 3, 1, 1)
        self.own = nn.Conv2d(stride * stride + 1, width, 3, 1, 1, bias=False)
        self.out = nn.Conv2d(width, values, 3, 1, 1)

    def forward(self, context: Tensor, masks: Tensor, others: Tensor) -> Tensor:
        """(N, V, h, w) from `context` (N or 1, C, h, w) and `masks`, `others` (N, 1, H, W)."""
        cells = F.pixel_unshuffle(masks, self.stride)
        beside = F.avg_pool2d(others, self.stride)
        return self.out(F.relu(self.own(torch.cat([cells, beside], 1)) + context))


class Stage(nn.Module):
    """One step up to a finer stride, beside that stride's features and full-size detail."""

    def __init__(self, inputs: int, outputs: int, features: int, detail: int, stride: int):
        super().__init__()
        self.stride = stride
        self.reduce = nn.Conv2d(inputs, outputs, 1)
        self.features = nn.Conv2d(features, outputs, 3, 1, 1)
        self.detail = nn.Conv2d(detail * stride * stride, outputs, 3, 1, 1, bias=False)
        self.mix = Residual(outputs)

    def forward(self, x: Tensor, features: Tensor, owner: Tensor, detail: Tensor) -> Tensor:
        """(N, outputs, H / stride, W / stride).

        Args:
            x: (N, inputs, h, w), coarser.
            features: (B, outputs, H / stride, W / stride), projected by `self.features`.
            owner: (N,) the frame of each row.
            detail: (N, C, H, W).
        """
        up = F.interpolate(
            self.reduce(x), features.shape[-2:], mode="bilinear", align_corners=False
        )
        up = up + features[owner] + self.detail(F.pixel_unshuffle(detail, self.stride))
        return self.mix(F.relu(up))


class DynamicHead(nn.Module):
    """Cues of one object to its logits; what depends on the frame alone is computed once."""

    def __init__(
        self,
        channels: Mapping[int, int],
        cues: int,
        width: int,
        refine: tuple[int, int],
        detail: int = 3,
    ):
        super().__init__()
        self.features = nn.Conv2d(channels[8], width, 3, 1, 1)
        self.cues = nn.Conv2d(cues, width, 3, 1, 1, bias=False)
        self.trunk = nn.Sequential(Residual(width), Residual(width, 2))
        self.stride4 = Stage(width, refine[0], channels[4], detail, 4)
        self.stride2 = Stage(refine[0], refine[1], channels[2], detail, 2)
        self.logit = nn.Conv2d(refine[1], 1, 3, 1, 1)

    def prepare(self, pyramid: Pyramid) -> tuple[Tensor, Tensor, Tensor]:
        """Backbone features of B frames as the head reads them, strides 8, 4 and 2."""
        return (
            self.features(pyramid[8]),
            self.stride4.features(pyramid[4]),
            self.stride2.features(pyramid[2]),
        )

    def forward(
        self, features: tuple[Tensor, Tensor, Tensor], owner: Tensor, cues: Tensor, detail: Tensor
    ) -> Tensor:
        """(N, H, W) logits at the size of `detail` (N, C, H, W)."""
        x = F.relu(self.cues(cues) + features[0][owner])
        x = self.trunk(x)
        x = self.stride4(x, features[1], owner, detail)
        x = self.stride2(x, features[2], owner, detail)
        out = F.interpolate(self.logit(x), detail.shape[-2:], mode="bilinear", align_corners=False)
        return out[:, 0]
