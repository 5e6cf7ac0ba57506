"""Two encodings to a mask: global convolution, then refinement stride by stride.

Sources: Oh et al., "Fast Video Object Segmentation by Reference-Guided Mask Propagation", CVPR
2018; Peng et al., "Large Kernel Matters", CVPR 2017 (global convolution); Pinheiro et al.,
"Learning to Refine Object Segments", ECCV 2016 (refinement).
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from propago.ops.resize import bilinear


class PreActivated(nn.Module):
    """Two 3x3 convolutions around a shortcut, each behind its ReLU; no normalisation."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, 1, 1)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as `x`."""
        return x + self.second(self.first(x.relu()).relu())


class GlobalConvolution(nn.Module):
    """A `kernel` x `kernel` convolution in two separable halves, and a residual block."""

    def __init__(self, inputs: int, width: int, kernel: int = 7):
        super().__init__()
        tall, wide = ((kernel, 1), (kernel // 2, 0)), ((1, kernel), (0, kernel // 2))
        self.tall_wide, self.wide_tall = (
            nn.Sequential(
                nn.Conv2d(inputs, width, first[0], padding=first[1]),
                nn.Conv2d(width, width, second[0], padding=second[1]),
            )
            for first, second in ((tall, wide), (wide, tall))
        )
        self.mix = PreActivated(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w)."""
        return self.mix(self.tall_wide(x) + self.wide_tall(x))


class Refinement(nn.Module):
    """One step up to a finer stride, beside that stride's features."""

    def __init__(self, coarse: int, features: int, width: int):
        super().__init__()
        self.lateral = nn.Sequential(nn.Conv2d(features, width, 3, 1, 1), PreActivated(width))
        self.up = nn.Identity() if coarse == width else nn.Conv2d(coarse, width, 1)
        self.mix = PreActivated(width)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(B, width, H, W) from `x` (B, coarse, h, w) and `features` (B, C, H, W)."""
        fine = self.lateral(features)
        return self.mix(fine + bilinear(self.up(x), fine.shape[-2:]))


class RefinementDecoder(nn.Module):
    """Global convolution at stride 32, refinement at finer strides, a logit at each."""

    def __init__(
        self,
        inputs: int,
        channels: Mapping[int, int],
        strides: Sequence[int],
        widths: Sequence[int],
    ):
        """A decoder without trained weights.

        Args:
            inputs: channels at stride 32.
            channels: of the features, by stride.
            strides: those to refine at, from coarse to fine.
            widths: channels at stride 32, then at each of `strides`.
        """
        super().__init__()
        self.strides = tuple(strides)
        self.globally = GlobalConvolution(inputs, widths[0])
        self.refine = nn.ModuleList(
            Refinement(coarse, channels[stride], width)
            for coarse, stride, width in zip(widths, strides, widths[1:], strict=False)
        )
        self.logits = nn.ModuleList(nn.Conv2d(width, 1, 3, 1, 1) for width in widths)

    def forward(self, deepest: Tensor, features: Mapping[int, Tensor]) -> list[Tensor]:
        """Logits (B, h, w) at stride 32 and each of `strides`, the finest last.

        Args:
            deepest: (B, inputs, h, w) at stride 32.
            features: by stride, (B, C, h, w).
        """
        levels = [self.globally(deepest)]
        for stride, refine in zip(self.strides, self.refine, strict=True):
            levels.append(refine(levels[-1], features[stride]))
        return [logit(x.relu())[:, 0] for logit, x in zip(self.logits, levels, strict=True)]
