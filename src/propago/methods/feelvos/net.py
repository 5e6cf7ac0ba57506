"""The FEELVOS network: embedding, matching cues, dynamic head over objects.

Source: Voigtlaender et al., FEELVOS: Fast End-to-End Embedding Learning for Video Object
Segmentation, CVPR 2019. What goes beyond the paper is switched by `FeelvosConfig` and listed in
this folder's README.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from propago.methods.feelvos.head import DynamicHead, MaskEncoder
from propago.methods.feelvos.memory import Memory
from propago.methods.feelvos.object_inputs import ObjectInputs, Prepared, others_of
from propago.methods.feelvos.original import OriginalConfig, OriginalNet
from propago.methods.feelvos.rectangle import Rectangle
from propago.nn.backbones import CompactEncoder, Pyramid
from propago.nn.efficientnet import EfficientNetLite0
from propago.nn.presets import Preset
from propago.ops.matching import match_everywhere, match_nearby
from propago.ops.parallel import team
from propago.ops.tiles import Tiles

VISIBLE = 0.3
"""An object is looked for around the positions of which it has at least this share."""

TILE = 8
"""Positions along a side of the squares that are matched at a time."""


@dataclass(frozen=True)
class FeelvosConfig:
    """What the network is made of.

    Attributes:
        embedding_channels: length of the embedding of a position.
        match_stride: pixels between the positions that are matched.
        window: radius of the local window, in positions.
        value_channels: length of the encoded masks that are read out of memory.
        head_width: channels of the head at the matching stride.
        refine_widths: channels of the head at strides 4 and 2.
        features: channels of the encoder at stride 8.
    """

    embedding_channels: int = 64
    match_stride: int = 8
    window: int = 6
    value_channels: int = 24
    head_width: int = 64
    refine_widths: tuple[int, int] = (32, 16)
    features: int = 112

    @property
    def cue_channels(self) -> int:
        """Channels of `FeelvosNet.cues`: four distances, the previous mask, two read-outs."""
        return 5 + 2 * self.value_channels


PRESETS: dict[str, Preset[Any]] = {
    "compact": Preset(
        "feelvos/compact",
        FeelvosConfig(),
        size=304,
        weights={"default": "feelvos-further", "synthetic": "feelvos-synthetic"},
    ),
    "paper": Preset("feelvos/paper", OriginalConfig(), size=480),
}
"""The sizes it comes in; "synthetic" weights are free for any use."""


@dataclass(frozen=True)
class FrameFeatures:
    """What the network computes once of a batch of frames.

    Attributes:
        pyramid: backbone features.
        embedding: (B, E, h, w) unit vectors at the matching stride.
        context: (B, C, h, w) features that the mask encoder reads beside a mask.
        crop: the part of the frames that was encoded; None is all. The pyramid has the crop's size,
            the others have the frame's, and are 0 outside of it.
    """

    pyramid: Pyramid
    embedding: Tensor
    context: Tensor
    crop: Rectangle | None = None

    def matched_in(self, precision: torch.dtype) -> "FrameFeatures":
        """Those whose embedding is of another precision, in which it is then matched."""
        return replace(self, embedding=self.embedding.to(precision))

    def as_crop(self, crop: Rectangle, size: tuple[int, int]) -> "FrameFeatures":
        """Those of a picture, which is the part `crop` of a frame of `size` (h, w)."""
        beyond = (crop.left, size[1] - crop.right, crop.top, size[0] - crop.bottom)
        embedding, context = F.pad(self.embedding, beyond), F.pad(self.context, beyond)
        return FrameFeatures(self.pyramid, embedding, context, crop)

    def inside(self, region: Rectangle) -> "FrameFeatures":
        """Only what lies in `region` of what was encoded, in positions of the matching stride."""
        levels = self.pyramid.levels
        coarsest = max(levels)
        part = region.inside(self.crop) if self.crop else region
        return FrameFeatures(
            Pyramid({stride: part.of(x, coarsest // stride) for stride, x in levels.items()}),
            region.of(self.embedding),
            region.of(self.context),
        )


class FeelvosNet(nn.Module):
    """Embeds frames, encodes masks, and turns matching cues into one logit map per object."""

    def __init__(self, config: FeelvosConfig | None = None):
        super().__init__()
        config = config or FeelvosConfig()
        self.config = config
        self.backbone = CompactEncoder(config.features)
        channels = self.backbone.channels
        width = channels[config.match_stride]
        self.embedding = nn.Conv2d(width, config.embedding_channels, 3, 1, 1)
        self.sharpness = nn.Parameter(torch.tensor(8.0).log())
        self.masks = MaskEncoder(width, config.value_channels - 1, config.match_stride)
        self.head = DynamicHead(
            channels,
            config.cue_channels + config.value_channels + 1,
            config.head_width,
            config.refine_widths,
        )

    @property
    def pretrained(self) -> EfficientNetLite0:
        """The part whose weights are published."""
        return self.backbone.trunk

    def encode_image(self, images: Tensor) -> FrameFeatures:
        """What there is to know of `images` (B, 3, H, W), whatever the objects."""
        pyramid = self.backbone(images)
        matched = pyramid[self.config.match_stride]
        embedding = F.normalize(self.embedding(matched).float(), dim=1)
        return FrameFeatures(pyramid, embedding, self.masks.context(matched))

    def encode_memory(
        self, embedding: Tensor, context: Tensor, masks: Tensor, crop: Rectangle | None = None
    ) -> Memory:
        """A memory of one frame.

        Args:
            embedding: (E, h, w) of the frame.
            context: (C, h, w) of the frame.
            masks: (K, H, W) probabilities at the frame's size.
            crop: the part of the frame that was encoded; None is all.
        """
        small = F.avg_pool2d(masks[:, None], self.config.match_stride)[:, 0]
        background = (1 - small.sum(0, keepdim=True)).clamp(0, 1)
        groups = torch.cat([background, small])
        pairs = zip(masks[:, None, None], others_of(masks)[:, None, None], strict=True)
        values = team().map(lambda pair: self.encode(context[None], *pair), pairs)
        return Memory(embedding, context, groups, torch.cat(values), crop)

    def reordered(self, past: Memory, before: Sequence[int], ids: Sequence[int]) -> Memory:
        """`past`, whose rows are the objects `before`, with rows for `ids`.

        An object that was not known then gets an empty mask.
        """
        stride = self.config.match_stride
        size = [side * stride for side in past.embedding.shape[-2:]]
        others = F.interpolate(1 - past.groups[None, :1], size, mode="nearest")
        empty = self.encode(past.context[None], torch.zeros_like(others), others)
        rows = [before.index(i) if i in before else None for i in ids]
        values = [empty[0] if row is None else past.values[row] for row in rows]
        shares = [empty[0, 0] if row is None else past.groups[row + 1] for row in rows]
        kept = torch.stack(shares)
        background = (1 - kept.sum(0, keepdim=True)).clamp(0, 1)
        return replace(past, groups=torch.cat([background, kept]), values=torch.stack(values))

    def encode(self, context: Tensor, masks: Tensor, others: Tensor) -> Tensor:
        """(N, V, h, w) encoding of masks: the share of each position, then learned values.

        Args:
            context: (N or 1, C, h, w) of each mask's frame.
            masks: (N, 1, H, W) probabilities.
            others: (N, 1, H, W) how much of each pixel belongs to other objects.
        """
        share = F.avg_pool2d(masks, self.config.match_stride)
        return torch.cat([share, self.masks(context, masks, others).float()], 1)

    @torch.autocast("cpu", enabled=False)  # exponents of weights are as fine as embeddings
    @torch.autocast("cuda", enabled=False)
    def cues(self, query: Tensor, memory: Sequence[Memory], wanted: Tensor | None = None) -> Tensor:
        """What matching says of each object: (K, cue_channels, h, w).

        Global matching goes against every frame of `memory`, local matching and the previous mask
        against its last.

        Args:
            query: (E, h, w) embedding of the present frame.
            memory: remembered frames of the same video and objects; the previous frame is last.
            wanted: (K, h, w) where matching is asked for of each object; None is everywhere.

        Returns:
            Values of an object that lie far from where it is wanted are 0.
        """
        last = memory[-1]
        if wanted is None:
            wanted = torch.ones_like(last.groups[1:], dtype=torch.bool)
        tiles, sharpness = Tiles.covering(wanted.any(0), TILE), self.sharpness.exp()
        objects = tiles.of(wanted).any(2)
        past = [one.sorted for one in memory]
        everywhere = match_everywhere(tiles.of(query), past, objects, sharpness)
        nearby = match_nearby(
            query, last.embedding, last.owners, last.values, tiles, self.config.window, sharpness
        )
        found = torch.cat([everywhere, nearby], 2) * objects[:, :, None, None]
        matched = tiles.whole(found.flatten(1, 2)).unflatten(0, (len(wanted), -1))
        return torch.cat([matched, last.groups[1:, None]], 1)

    def carried_shares(self, carried: Tensor) -> Tensor:
        """(N, h, w) the share of each position in masks `carried` (N, 1, H, W) here by flow."""
        return F.avg_pool2d(carried, self.config.match_stride)[:, 0]

    def shares(self, rows: ObjectInputs) -> Tensor:
        """(N, h, w) how much of each position an object had where flow carries it to, in [0, 1].

        Of an object that flow has lost, the most that matching gives it instead.
        """
        carried = self.carried_shares(rows.carried)
        local = 4 + self.config.value_channels
        matched = rows.cues[:, [2, local]].amax(1)
        there = carried.flatten(1).amax(1) > VISIBLE
        return torch.where(there[:, None, None], carried, matched)

    def prepare(self, seen: FrameFeatures) -> Prepared:
        """What the head needs of B frames, whatever the objects."""
        return Prepared(seen.context, self.head.prepare(seen.pyramid))

    def prepare_inside(self, seen: FrameFeatures, region: Rectangle) -> Prepared:
        """What the head needs in a region of what was encoded of B frames.

        Convolutions see one position beyond it.
        """
        height, width = seen.embedding.shape[-2:]
        encoded = seen.crop or Rectangle(0, height, 0, width)
        wider = region.wider((height, width)).common(encoded)
        assert wider is not None
        return self.prepare(seen.inside(wider)).inside(region.inside(wider))

    def logits(
        self, prepared: Prepared, owner: Tensor, rows: ObjectInputs, photometric_error: Tensor
    ) -> Tensor:
        """One logit map for each of N object rows.

        Args:
            prepared: of B frames.
            owner: (N,) int64, the frame of each row.
            rows: what is known of each object.
            photometric_error: (B, 1, H, W) how much this frame differs from the previous one
                carried here.

        Returns:
            (N, H, W).
        """
        encoded = self.encode(prepared.context[owner], rows.carried, rows.others)
        unexpected = F.avg_pool2d(photometric_error, self.config.match_stride)[owner]
        cues = torch.cat([rows.cues, encoded, unexpected], 1)
        detail = torch.cat([rows.carried, rows.others, photometric_error[owner]], 1)
        return self.head(prepared.features, owner, cues, detail).float()


def network_of(config: FeelvosConfig | OriginalConfig) -> FeelvosNet | OriginalNet:
    """The untrained network of a preset: ours, or the paper's."""
    return OriginalNet(config) if isinstance(config, OriginalConfig) else FeelvosNet(config)
