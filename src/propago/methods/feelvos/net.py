"""The FEELVOS network: embedding, matching cues, dynamic head over objects.

Source: Voigtlaender et al., FEELVOS: Fast End-to-End Embedding Learning for Video Object
Segmentation, CVPR 2019. What goes beyond the paper is switched by `FeelvosConfig` and listed in
this folder's README.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from propago.methods.feelvos.head import DynamicHead, MaskEncoder
from propago.nn.backbones import CompactEncoder, Pyramid
from propago.ops import matching
from propago.ops.flow import warp


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
        backbone_widths: channels of the encoder at strides 2, 4, 8 and 16.
    """

    embedding_channels: int = 64
    match_stride: int = 8
    window: int = 6
    value_channels: int = 24
    head_width: int = 64
    refine_widths: tuple[int, int] = (32, 16)
    backbone_widths: tuple[int, int, int, int] = (32, 48, 112, 192)

    @property
    def cue_channels(self) -> int:
        """Channels of `FeelvosNet.cues`: four distances, the previous mask, two read-outs."""
        return 5 + 2 * self.value_channels


@dataclass(frozen=True)
class Seen:
    """What the network computes once of a batch of frames.

    Attributes:
        pyramid: backbone features.
        embedding: (B, E, h, w) unit vectors at the matching stride.
        context: (B, C, h, w) features that the mask encoder reads beside a mask.
    """

    pyramid: Pyramid
    embedding: Tensor
    context: Tensor


@dataclass(frozen=True)
class Memory:
    """One remembered frame of one video with K objects, at the matching stride.

    Attributes:
        embedding: (E, h, w).
        context: (C, h, w).
        groups: (K + 1, h, w) share of each position that belongs to the background and each object.
        values: (K, V, h, w) encoded masks.
    """

    embedding: Tensor
    context: Tensor
    groups: Tensor
    values: Tensor


@dataclass(frozen=True)
class SortedMemory:
    """Memory positions of one or several frames, sorted by the group that owns them.

    Attributes:
        embedding: (E, M).
        values: (K * V, M).
        order: (M,) int64 place of each position before sorting.
        counts: how many positions each of the K + 1 groups owns.
    """

    embedding: Tensor
    values: Tensor
    order: Tensor
    counts: tuple[int, ...]


def sort_by_owner(memory: Sequence[Memory]) -> SortedMemory:
    """All positions of `memory`, the background's first, then each object's."""
    owner = torch.cat([owners(past.groups.flatten(1)) for past in memory])
    order = owner.argsort(stable=True)
    embedding = torch.cat([past.embedding.flatten(1) for past in memory], 1)
    values = torch.cat([past.values.flatten(0, 1).flatten(1) for past in memory], 1)
    counts = torch.bincount(owner, minlength=len(memory[0].groups))
    return SortedMemory(embedding[:, order], values[:, order], order, tuple(counts.tolist()))


class FeelvosNet(nn.Module):
    """Embeds frames, encodes masks, and turns matching cues into one logit map per object."""

    def __init__(self, config: FeelvosConfig | None = None):
        super().__init__()
        config = config or FeelvosConfig()
        self.config = config
        self.backbone = CompactEncoder(config.backbone_widths)
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

    def see(self, images: Tensor) -> Seen:
        """What there is to know of `images` (B, 3, H, W), whatever the objects."""
        pyramid = self.backbone(images)
        matched = pyramid[self.config.match_stride]
        embedding = F.normalize(self.embedding(matched), dim=1)
        return Seen(pyramid, embedding, self.masks.context(matched))

    def remember(self, embedding: Tensor, context: Tensor, masks: Tensor) -> Memory:
        """A memory of one frame.

        Args:
            embedding: (E, h, w) of the frame.
            context: (C, h, w) of the frame.
            masks: (K, H, W) probabilities at the frame's size.
        """
        small = F.avg_pool2d(masks[:, None], self.config.match_stride)[:, 0]
        background = (1 - small.sum(0, keepdim=True)).clamp(0, 1)
        groups = torch.cat([background, small])
        return Memory(embedding, context, groups, self.encode(context, masks))

    def reordered(self, past: Memory, before: Sequence[int], ids: Sequence[int]) -> Memory:
        """`past`, whose rows are the objects `before`, with rows for `ids`.

        An object that was not known then gets an empty mask.
        """
        stride = self.config.match_stride
        size = [side * stride for side in past.embedding.shape[-2:]]
        nothing = past.groups.new_zeros(1, *size)
        others = F.interpolate(1 - past.groups[None, :1], size, mode="nearest")[0]
        empty = torch.cat(
            [
                past.groups.new_zeros(1, 1, *past.groups.shape[1:]),
                self.masks(past.context, nothing, others),
            ],
            1,
        )
        rows = [before.index(i) if i in before else None for i in ids]
        values = [empty[0] if row is None else past.values[row] for row in rows]
        shares = [empty[0, 0] if row is None else past.groups[row + 1] for row in rows]
        kept = torch.stack(shares)
        background = (1 - kept.sum(0, keepdim=True)).clamp(0, 1)
        return Memory(
            past.embedding, past.context, torch.cat([background, kept]), torch.stack(values)
        )

    def encode(self, context: Tensor, masks: Tensor) -> Tensor:
        """(K, V, h, w) encoding of `masks` (K, H, W) beside the frame's `context` (C, h, w)."""
        others = (masks.sum(0, keepdim=True) - masks).clamp(0, 1)
        share = F.avg_pool2d(masks[:, None], self.config.match_stride)
        return torch.cat([share, self.masks(context, masks, others)], 1)

    def cues(self, query: Tensor, memory: Sequence[Memory]) -> Tensor:
        """What matching says of each object: (K, cue_channels, h, w).

        Global matching goes against every frame of `memory`, local matching and the previous mask
        against its last.

        Args:
            query: (E, h, w) embedding of the present frame.
            memory: remembered frames of the same video and objects; the previous frame is last.
        """
        size = (query.shape[-2], query.shape[-1])
        query = query.flatten(1)
        everywhere, last = sort_by_owner(memory), sort_by_owner(memory[-1:])
        outside = _outside(size, self.config.window, query.device)
        chunks = [
            torch.cat(
                [
                    self._matches(query[:, at], everywhere, None),
                    self._matches(query[:, at], last, outside[at]),
                ],
                1,
            )
            for at in _chunks(query.shape[1], everywhere.embedding.shape[1])
        ]
        matched = torch.cat(chunks, 2).unflatten(2, size)
        return torch.cat([matched, memory[-1].groups[1:, None]], 1)

    def _matches(self, query: Tensor, past: SortedMemory, outside: Tensor | None) -> Tensor:
        """(K, 2 + V, Q): distance to the object, to everything else, and the read-out values."""
        sharpness = self.sharpness.exp()
        similarity = matching.similarities(query, past.embedding, sharpness)
        if outside is not None:
            similarity = similarity - outside[:, past.order]
        groups = matching.nearest(similarity, past.counts)
        both = torch.stack([groups, matching.of_the_others(groups)], 1)[1:]
        distances = matching.embedding_distance(both / -sharpness)
        read = matching.soft_readout(similarity, past.values)
        return torch.cat([distances, read.unflatten(0, (len(distances), -1))], 1)

    def logits(
        self, seen: Seen, owner: Tensor, cues: Tensor, carried: Tensor, surprise: Tensor
    ) -> Tensor:
        """One logit map for each of N object rows.

        Args:
            seen: of B frames.
            owner: (N,) int64, the frame of each row; rows of one frame stand together.
            cues: (N, cue_channels, h, w).
            carried: (N, 1, H, W) the previous mask carried to this frame by optical flow.
            surprise: (B, 1, H, W) how much this frame differs from the previous one carried here.

        Returns:
            (N, H, W).
        """
        encoded = torch.cat(
            [self.encode(seen.context[b], carried[owner == b, 0]) for b in range(len(seen.context))]
        )
        unexpected = F.avg_pool2d(surprise, self.config.match_stride)[owner]
        cues = torch.cat([cues, encoded, unexpected], 1)
        detail = torch.cat([carried, surprise[owner]], 1)
        return self.head(seen.pyramid, owner, cues, detail)


def carry(before: Tensor, now: Tensor, masks: list[Tensor], flow: Tensor) -> tuple[Tensor, Tensor]:
    """Masks of the previous frame where optical flow says they are now.

    Args:
        before: (B, 3, H, W) previous frames.
        now: (B, 3, H, W) present frames.
        masks: B tensors (K_b, H, W) of the previous frames.
        flow: (B, 2, H, W) from now to before, pixels.

    Returns:
        (N, 1, H, W) carried masks, N = sum of K_b; and (B, 1, H, W) the mean absolute difference of
        the present frame and the previous one carried here, in [0, 1].
    """
    surprise = (warp(before, flow) - now).abs().mean(1, keepdim=True)
    carried = [warp(m[None], f[None])[0] for m, f in zip(masks, flow, strict=True)]
    return torch.cat(carried)[:, None], surprise


def owners(groups: Tensor) -> Tensor:
    """(M,) the group with the largest share of each position in `groups` (G, M).

    An object too thin to win a position owns the one where its share is largest, if that is
    above 0.05.
    """
    winner = groups.max(0).indices  # argmax(0) is many times slower on a CPU
    for group in range(1, len(groups)):
        share, where = groups[group].max(0)
        if share > 0.05 and not (winner == group).any():
            winner[where] = group
    return winner


def _chunks(queries: int, positions: int, budget: int = 2**21) -> list[slice]:
    """Slices of the queries such that one block of distances has about `budget` numbers."""
    step = max(16, budget // max(positions, 1))
    return [slice(at, min(at + step, queries)) for at in range(0, queries, step)]


@cache
def _outside(size: tuple[int, int], radius: int, device: torch.device) -> Tensor:
    return matching.outside_window(size, radius).to(device)
