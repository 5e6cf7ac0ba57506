"""The FEELVOS network as the paper has it: embeddings at stride 4, distances, a dynamic head.

Source: Voigtlaender et al., FEELVOS, CVPR 2019, sections 3.2 to 3.5, and the authors' release.
Differs: the trunk, see `propago.nn.deeplab`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from propago.nn.deeplab import DeepLab, DilatedResNet, separable
from propago.ops.matching import SortedMemory, match_everywhere, match_nearby
from propago.ops.tiles import Tiles

STRIDE = 4
TILE = 8
"""Positions along a side of the squares that are matched at a time."""

HEAD_LAYERS, HEAD_KERNEL = 4, 7


@dataclass(frozen=True)
class OriginalConfig:
    """What the network is made of.

    Attributes:
        depth: of the ResNet.
        features: channels at stride 4.
        embedding: channels of an embedding.
        window: radius of the local window, in positions of stride 4.
        head: channels of the dynamic head.
    """

    depth: int = 101
    features: int = 256
    embedding: int = 100
    window: int = 15
    head: int = 256


@dataclass(frozen=True)
class Reference:
    """A frame whose objects are known.

    Attributes:
        embedding: (E, h, w).
        owners: (h, w) int64: the object of each position, an id; 0 background, -1 nobody's.
    """

    embedding: Tensor
    owners: Tensor


class OriginalNet(nn.Module):
    """Embeds frames, and turns distances and the previous masks into logits of G groups.

    A group is an object, or the background, which is one of them.
    """

    def __init__(self, config: OriginalConfig | None = None):
        super().__init__()
        self.config = config or OriginalConfig()
        made = self.config
        self.backbone = DeepLab(made.depth, made.features)
        self.embedding = nn.Sequential(
            nn.Conv2d(made.features, made.features, 3, 1, 1, groups=made.features),
            nn.Conv2d(made.features, made.embedding, 1),
        )
        inputs = [made.features + 3, *[made.head] * (HEAD_LAYERS - 1)]
        layers = [separable(width, made.head, HEAD_KERNEL) for width in inputs]
        scores = nn.Conv2d(made.head, 1, 1, bias=False)  # the softmax over groups would undo one
        self.head = nn.Sequential(*layers, scores)

    @property
    def pretrained(self) -> DilatedResNet:
        """The part whose weights are published."""
        return self.backbone.trunk

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, C, h, w) and embeddings (B, E, h, w) at stride 4 of (B, 3, H, W)."""
        features = self.backbone(images)
        return features, self.embedding(features).float()

    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def distances(
        self, query: Tensor, references: Sequence[Reference], last: Reference, ids: Sequence[int]
    ) -> Tensor:
        """(G, 2, h, w) in [0, 1]: global and local distance of each position to each group.

        1 where a group has no position (equations 1 to 4).

        Args:
            query: (E, h, w) of the present frame.
            references: the annotated frames: the nearest position of all of them counts.
            last: the previous frame, with the masks found there.
            ids: of the groups, 0 for the background among them.
        """
        wanted = torch.ones_like(query[0], dtype=torch.bool)
        tiles = Tiles.covering(wanted, TILE)
        squares = tiles.of(query)
        asked = torch.ones(len(squares), len(ids), dtype=torch.bool, device=query.device)
        past = [_sorted(one, ids) for one in references]
        everywhere = match_everywhere(squares, past, asked)
        rows = sum((last.owners == i) * n for n, i in enumerate(ids, 1))
        nothing = query.new_zeros(len(ids), 1, *query.shape[1:])
        nearby = match_nearby(
            query, last.embedding, torch.as_tensor(rows), nothing, tiles, self.config.window
        )
        found = torch.stack([everywhere[:, :, 0], nearby[:, :, 0]], 2)
        return tiles.whole(found.flatten(1, 2)).unflatten(0, (len(ids), 2))

    def logits(self, features: Tensor, distances: Tensor, previous: Tensor) -> Tensor:
        """(G, h, w): the dynamic head, once for each group.

        Args:
            features: (C, h, w) of the present frame.
            distances: (G, 2, h, w).
            previous: (G, h, w) probabilities in the frame before.
        """
        shared = features.expand(len(previous), -1, -1, -1)
        return self.head(torch.cat([shared, distances, previous[:, None]], 1))[:, 0].float()


def _sorted(reference: Reference, ids: Sequence[int]) -> SortedMemory:
    """The positions of the groups, in their order, behind an empty group."""
    owners, embedding = reference.owners.flatten(), reference.embedding.flatten(1)
    places = [(owners == i).nonzero()[:, 0] for i in ids]
    chosen = embedding[:, torch.cat(places)]
    nothing = chosen.new_zeros(len(ids), 1, chosen.shape[1])
    return SortedMemory(chosen, nothing, (0, *map(len, places)))
