"""The network that is clicked at: an encoder that sees prompts beside the picture, and a decoder.

Source: Sofiiuk, Petrov, Konushin, "Reviving Iterative Training with Mask Guidance for Interactive
Segmentation", 2021. Theirs is HRNet with OCR; ours is small, for a CPU, and takes boxes, too.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from propago.methods.ritm.maps import PLANES
from propago.nn.masked_encoder import MaskedEncoder, PublishedTrunk, Trunk
from propago.nn.presets import Preset
from propago.nn.refinement_decoder import RefinementDecoder
from propago.ops.resize import enlarged, padded

DEEPEST = 32
"""Sides are padded to a multiple of this."""


@dataclass(frozen=True)
class RitmConfig:
    """What a network is made of.

    Attributes:
        trunk: "lite0" (EfficientNet-Lite0) is ours.
        strides: at which the mask is refined, from coarse to fine.
        widths: channels of the decoder at stride 32, then at each of `strides`.
    """

    trunk: Trunk = "lite0"
    strides: tuple[int, ...] = (16, 8, 4)
    widths: tuple[int, ...] = (128, 96, 64, 32)


PRESETS = {
    "compact": Preset("ritm/compact", RitmConfig(), size=256, weights={"default": "ritm-onward"})
}
"""The sizes it comes in; `size` is the short side of the window that is looked at, in pixels."""


class RitmNet(nn.Module):
    """The mask of what clicks and a box mean, from the picture and the mask before."""

    def __init__(self, config: RitmConfig | None = None):
        super().__init__()
        self.config = config or RitmConfig()
        self.encoder = MaskedEncoder(self.config.trunk, PLANES)
        channels = self.encoder.trunk.channels
        self.decoder = RefinementDecoder(
            channels[DEEPEST], channels, self.config.strides, self.config.widths
        )

    @property
    def pretrained(self) -> PublishedTrunk:
        """The part whose weights are published."""
        return self.encoder.trunk

    def levels(self, images: Tensor, maps: Tensor) -> list[Tensor]:
        """Logits (N, h, w) at every stride of the decoder, the finest last.

        Sides that 32 does not divide are padded with their last row and column.

        Args:
            images: (N, 3, H, W) RGB in [0, 1].
            maps: (N, 4, H, W) of `prompt_maps`.
        """
        features = self.encoder(padded(images, DEEPEST), padded(maps, DEEPEST))
        return self.decoder(features[DEEPEST], features)

    def forward(self, images: Tensor, maps: Tensor) -> Tensor:
        """(N, H, W) logits, of the pictures' own size; arguments as of `levels`."""
        return enlarged(self.levels(images, maps)[-1], images.shape[-2:], DEEPEST)
