"""Pixel matching between embeddings of two frames: the maths of FEELVOS, and a soft read-out.

Positions are flattened: Q query positions of the present frame, M positions in memory.
Source: Voigtlaender et al., FEELVOS, CVPR 2019, eqs. 1-4; the read-out follows space-time memory
networks (Oh et al., ICCV 2019) with the negative squared distance as similarity.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.ops.tiles import Tiles, within

FAR = 1e4
"""Taken from the similarity of positions that may not match; finite, so that gradients are too."""

IN_CACHE = 2**19
"""So many similarities stay in a CPU's cache from the product to the read-out."""


@dataclass(frozen=True)
class SortedMemory:
    """Memory positions of one or several frames, sorted by the group that owns them.

    Attributes:
        embedding: (E, M).
        values: (K * V, M).
        counts: how many positions each of the K + 1 groups owns.
    """

    embedding: Tensor
    values: Tensor
    counts: tuple[int, ...]


def match_everywhere(
    query: Tensor, memory: SortedMemory, sharpness: Tensor | float = 1.0
) -> Tensor:
    """Global matching: what M positions of memory say of each of K objects.

    Args:
        query: (E, Q) embeddings of the present frame.
        memory: M positions.
        sharpness: of `similarities`.

    Returns:
        (K, 2 + V, Q) of `object_cues`.
    """
    left, right = factors(query, memory.embedding, sharpness)
    step = max(16, IN_CACHE // right.shape[-1]) if left.device.type == "cpu" else len(left)
    best, read = [], []
    for rows in left.split(step):
        similarity = rows @ right
        best.append(nearest(similarity, memory.counts))
        read.append(soft_readout(similarity, memory.values))
    return object_cues(torch.cat(best, 1), torch.cat(read, 1), sharpness)


def match_nearby(
    query: Tensor,
    memory: Tensor,
    owners: Tensor,
    values: Tensor,
    tiles: Tiles,
    radius: int,
    sharpness: Tensor | float = 1.0,
) -> Tensor:
    """Local matching: rows and columns of a query and a memory position differ by <= `radius`.

    Args:
        query: (E, h, w) embeddings of the present frame.
        memory: (E, h, w) embeddings of the previous frame.
        owners: (h, w) of K + 1 groups the one that owns each position of the previous frame.
        values: (K, V, h, w).
        tiles: T squares of Q queries in all.
        radius: in positions.
        sharpness: of `similarities`.

    Returns:
        (K, 2 + V, Q) of `object_cues`; a group that is not near is as far as can be.
    """
    around = tiles.of(torch.cat([memory, values.flatten(0, 1)]), radius)
    embedding, values_near = around.split([len(memory), around.shape[1] - len(memory)], 1)
    owner = tiles.of(owners[None].float(), radius, fill=-1)
    near = within(tiles.side, radius, query.device) & (owner >= 0)
    left, right = factors(tiles.of(query), embedding, sharpness)
    similarity = (left @ right).masked_fill(~near, -FAR)
    best = torch.stack(
        [similarity.masked_fill(owner != group, -FAR).amax(2) for group in range(len(values) + 1)]
    )
    read = soft_readout(similarity, values_near).transpose(0, 1)
    return object_cues(best.flatten(1), read.flatten(1), sharpness)


def object_cues(best: Tensor, read: Tensor, sharpness: Tensor | float) -> Tensor:
    """What matching says of each of K objects.

    Args:
        best: (K + 1, Q) of `nearest`, the background's first.
        read: (K * V, Q) of `soft_readout`.
        sharpness: of `similarities`.

    Returns:
        (K, 2 + V, Q): the distance to the object (eqs. 2-3), to everything else, and the values.
    """
    both = torch.stack([best, of_the_others(best)], 1)[1:]
    return torch.cat([embedding_distance(both / -sharpness), read.unflatten(0, (len(both), -1))], 1)


def factors(query: Tensor, memory: Tensor, sharpness: Tensor | float) -> tuple[Tensor, Tensor]:
    """Matrices (..., Q, E + 2) and (..., E + 2, M) whose product is `similarities`.

    2 q.m - |q|^2 - |m|^2 = [2q, -|q|^2, -1] . [m, 1, |m|^2].
    """
    q2, m2 = (x.square().sum(-2, keepdim=True) for x in (query, memory))
    left = torch.cat([2 * query, -q2, -torch.ones_like(q2)], -2) * sharpness
    return left.mT.contiguous(), torch.cat([memory, torch.ones_like(m2), m2], -2)


def similarities(query: Tensor, memory: Tensor, sharpness: Tensor | float = 1.0) -> Tensor:
    """(..., Q, M) -sharpness * ||q - m||^2 between `query` (..., E, Q) and `memory` (..., E, M)."""
    left, right = factors(query, memory, sharpness)
    return left @ right


def embedding_distance(squared: Tensor) -> Tensor:
    """FEELVOS's distance 1 - 2 / (1 + exp(s)) of a squared distance s, in [0, 1) (eq. 1).

    Written as tanh(s / 2), which is the same and cannot overflow.
    """
    return torch.tanh(squared.clamp_min(0) / 2)


def nearest(similarity: Tensor, counts: Sequence[int]) -> Tensor:
    """The similarity of the most similar memory position of each group (eqs. 2-3).

    Args:
        similarity: (Q, M), memory sorted by group.
        counts: how many of the M positions belong to each of G groups.

    Returns:
        (G, Q); -`FAR` where a group has no position.
    """
    return torch.stack(
        [
            group.amax(1) if group.shape[1] else similarity.new_full(group.shape[:1], -FAR)
            for group in similarity.split(list(counts), 1)
        ]
    )


def of_the_others(similarity: Tensor) -> Tensor:
    """(G, Q): for each group the largest of the other groups' `similarity` (G, Q)."""
    if len(similarity) == 1:
        return torch.full_like(similarity, -FAR)
    largest, where = similarity.topk(2, dim=0)
    group = torch.arange(len(similarity), device=similarity.device)[:, None]
    return torch.where(group == where[:1], largest[1:], largest[:1])


def soft_readout(similarity: Tensor, values: Tensor) -> Tensor:
    """(..., V, Q): average of `values` (..., V, M) weighted by softmax of `similarity` (..., Q, M).

    Written in powers of two, which PyTorch computes several times faster than those of e; the
    product that sums the values sums the weights, too.
    """
    weights = (similarity - similarity.detach().amax(-1, keepdim=True)).mul_(math.log2(math.e))
    summed = weights.exp2_() @ F.pad(values, (0, 0, 0, 1), value=1.0).mT
    return (summed[..., :-1] / summed[..., -1:]).mT
