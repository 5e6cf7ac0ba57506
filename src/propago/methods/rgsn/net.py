"""The RGSN network: a crop with a Gaussian where its object was, and three frames it is known in.

Sources: slides of team speeding_zZ, YouTube-VOS challenge 2018; Zhou et al., "PTSNet: A Cascaded
Network for Video Object Segmentation", arXiv 1907.01203, and the authors' release.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from propago.nn.masked_encoder import MaskedEncoder, PublishedTrunk, Trunk
from propago.nn.presets import Preset
from propago.nn.refinement_decoder import RefinementDecoder
from propago.ops.resize import enlarged, padded
from propago.ops.roi_align import roi_align

DEEPEST = 32
"""Stride at which the four encodings meet."""

REFERENCES = 3
"""The annotated frame, and two of the last ones with the masks found there."""

BOX_STRIDES, BOX_BINS = (8, 16), 3
"""Where and how finely candidates are looked at."""


@dataclass(frozen=True)
class RgsnConfig:
    """What a network is made of.

    Attributes:
        trunk: "resnet50" is the paper's; "lite0" (EfficientNet-Lite0) is ours, for a CPU.
        strides: at which the mask is refined, from coarse to fine.
        widths: channels of the decoder at stride 32, then at each of `strides`.
        side: of a crop in pixels.
    """

    trunk: Trunk = "lite0"
    strides: tuple[int, ...] = (16, 8, 4, 2)
    widths: tuple[int, ...] = (128, 96, 64, 32, 16)
    side: int = 192


PRESETS = {
    "compact": Preset("rgsn/compact", RgsnConfig(), size=304, weights={"default": "rgsn-compact"}),
    "paper": Preset(
        "rgsn/paper",
        RgsnConfig("resnet50", (16, 8, 4), (256, 256, 256, 256), side=256),
        size=480,
    ),
}
"""The sizes it comes in; the size is that of frames in which candidates are looked for."""


class RgsnNet(nn.Module):
    """The mask of one object in a crop.

    One encoder for all four pictures: the crop, with a Gaussian where the object was, and the
    references with masks. One logit a position; the authors' release has two, whose difference is
    the same.
    """

    def __init__(self, config: RgsnConfig | None = None):
        super().__init__()
        self.config = config or RgsnConfig()
        self.encoder = MaskedEncoder(self.config.trunk)
        channels = self.encoder.trunk.channels
        self.decoder = RefinementDecoder(
            (1 + REFERENCES) * channels[DEEPEST], channels, self.config.strides, self.config.widths
        )

    @property
    def pretrained(self) -> PublishedTrunk:
        """The part whose weights are published."""
        return self.encoder.trunk

    def reference(self, images: Tensor, masks: Tensor) -> Tensor:
        """(N, C, h, w): all that is remembered of crops (N, 3, S, S) and masks (N, S, S) there."""
        return self._encoded(images, masks)[DEEPEST]

    def levels(self, references: Tensor, images: Tensor, maps: Tensor) -> list[Tensor]:
        """Logits of N objects at every stride of the decoder, the finest last; each (N, h, w).

        Args:
            references: (N, 3, C, h, w) of `reference`.
            images: (N, 3, S, S) crops of the present frame, RGB in [0, 1].
            maps: (N, S, S) of `propago.methods.rgsn.crops.heat_map`.
        """
        now = self._encoded(images, maps)
        return self.decoder(torch.cat([now[DEEPEST], references.flatten(1, 2)], 1), now)

    def forward(self, references: Tensor, images: Tensor, maps: Tensor) -> Tensor:
        """(N, S, S) logits; arguments as of `levels`."""
        finest = self.levels(references, images, maps)[-1]
        return enlarged(finest, maps.shape[-2:], DEEPEST)

    def _encoded(self, images: Tensor, planes: Tensor) -> dict[int, Tensor]:
        return self.encoder(padded(images, DEEPEST), padded(planes[:, None], DEEPEST))

    def frame_features(self, picture: Tensor) -> dict[int, Tensor]:
        """(C, h, w) at `BOX_STRIDES` of a picture (3, H, W), in which candidates are looked at."""
        features = self.encoder.trunk(padded(picture[None], DEEPEST))
        return {stride: features[stride][0] for stride in BOX_STRIDES}


def of_two_encodings(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of this network from those of RGMP's of the same sizes, which has one reference.

    Where all references are the same, and for the same planes, it says what RGMP does.
    """
    made = dict(tensors)
    for branch in ("tall_wide", "wide_tall"):
        name = f"decoder.globally.{branch}.0.weight"
        reference, now = tensors[name].chunk(2, 1)
        made[name] = torch.cat([now, *[reference / REFERENCES] * REFERENCES], 1)
    return made


def box_features(features: Mapping[int, Tensor], boxes: Tensor) -> Tensor:
    """(R, D) of each of boxes (R, 4) in pixels: `frame_features` there, of mean square 1."""
    rows = torch.cat(
        [
            roi_align(features[stride], boxes, BOX_BINS, stride, aligned=True).flatten(1)
            for stride in BOX_STRIDES
        ],
        1,
    )
    return rows / rows.square().mean(1, keepdim=True).sqrt().clamp_min(1e-6)
