"""Pixel matching between embeddings of two frames: the maths of FEELVOS, and a soft read-out.

Positions are flattened: Q query positions of the present frame, M positions in memory.
Source: Voigtlaender et al., FEELVOS, CVPR 2019, eqs. 1-4; the read-out follows space-time memory
networks (Oh et al., ICCV 2019) with the negative squared distance as similarity.

A similarity s is computed once, as the weight e^s. Weights summed over positions are the softmax of
the read-out, the largest weight is the nearest position's. So the frames of memory are gone through
once, in blocks that stay in a CPU's cache, and are added up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.ops.parallel import team
from propago.ops.tiles import Tiles, within

FAR = 1e4
"""Minus the similarity of what is not there; finite, so that gradients are too."""

IN_CACHE = 2**19
"""So many weights stay in a CPU's cache from the product to the read-out."""

BITS = math.log2(math.e)
"""Weights are powers of two, which PyTorch computes several times faster than those of e."""

SPARE_BITS = 100.0
"""Added to every exponent of float32, which so tells similarities down to -156 from nothing."""


@dataclass(frozen=True)
class SortedMemory:
    """Memory positions of one frame, sorted by the group that owns them.

    Attributes:
        embedding: (E, M).
        values: (K, V, M).
        counts: how many positions each of the K + 1 groups owns.
    """

    embedding: Tensor
    values: Tensor
    counts: tuple[int, ...]


def match_everywhere(
    query: Tensor,
    memory: Sequence[SortedMemory],
    wanted: Tensor,
    sharpness: Tensor | float = 1.0,
) -> Tensor:
    """Global matching: what all positions of memory say of each of K objects.

    Args:
        query: (T, E, Q) embeddings of T parts of the present frame.
        memory: frames of the same objects.
        wanted: (T, K), true where the values of an object are asked for.
        sharpness: of `similarities`.

    Returns:
        (T, K, 2 + V, Q) of `object_cues`; values that are not asked for are 0.
    """
    keys = [memory_factor(past.embedding, sharpness) for past in memory]

    @cache
    def values_of(objects: tuple[int, ...]) -> list[Tensor]:
        return [_and_ones(past.values[list(objects)].to(query.dtype)) for past in memory]

    def matched(part: tuple[Tensor, Tensor]) -> Tensor:
        rows, asked = part
        objects = tuple(asked.any(0).nonzero()[:, 0].tolist())
        best, summed = [], memory[0].values.new_zeros(())
        for key, past, values in zip(keys, memory, values_of(objects), strict=True):
            weights = _weights(rows.flatten(0, 1), key)
            best.append(largest(weights, past.counts))
            summed = summed + _read(values, weights)
        read = summed.new_zeros(asked.shape[1], memory[0].values.shape[1], summed.shape[1])
        if objects:
            read[list(objects)] = average(summed).unflatten(0, (len(objects), -1))
        cues = object_cues(torch.stack(best).amax(0), read, sharpness, rows.dtype)
        return cues.unflatten(2, rows.shape[:2]).movedim(2, 0)

    rows = query_factor(query, sharpness)
    most = IN_CACHE // (query.shape[2] * max(key.shape[1] for key in keys))
    step = max(1, most) if query.device.type == "cpu" else max(1, len(query))
    parts = zip(rows.split(step), wanted.split(step), strict=True)
    return torch.cat(team().map(matched, parts))


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
        tiles: T squares of Q queries each.
        radius: in positions.
        sharpness: of `similarities`.

    Returns:
        (T, K, 2 + V, Q) of `object_cues`; a group that is not near is as far as can be.
    """
    near = within(tiles.side, radius, query.device).to(values.dtype)
    groups, shape = range(len(values) + 1), values.shape[:2]
    everything = torch.cat(
        [x.to(memory.dtype) for x in (memory, owners[None] + 1, values.flatten(0, 1))]
    )
    around = tiles.of(everything, radius)  # 0 beyond the border: nobody's

    def matched(part: tuple[Tensor, Tensor]) -> Tensor:
        rows, around = part
        embedding, owner, read = around.split([len(memory), 1, shape.numel()], 1)
        weights = _weights(rows, memory_factor(embedding, sharpness)) * (near * (owner > 0))
        best = [(weights * (owner == group + 1)).amax(2).flatten() for group in groups]
        summed = _read(_and_ones(read.unflatten(1, shape)), weights).movedim(1, 0).flatten(1)
        found = average(summed).unflatten(0, shape)
        cues = object_cues(torch.stack(best), found, sharpness, rows.dtype)
        return cues.unflatten(2, rows.shape[:2]).movedim(2, 0)

    rows = query_factor(tiles.of(query), sharpness)
    step = max(1, IN_CACHE // near.numel()) if query.device.type == "cpu" else max(1, len(rows))
    parts = zip(rows.split(step), around.split(step), strict=True)
    return torch.cat(team().map(matched, parts))


def object_cues(
    best: Tensor, read: Tensor, sharpness: Tensor | float, precision: torch.dtype = torch.float32
) -> Tensor:
    """What matching says of each of K objects.

    Args:
        best: (K + 1, N) of `largest`, the background's first.
        read: (K, V, N) averaged values.
        sharpness: of `similarities`.
        precision: of the exponents.

    Returns:
        (K, 2 + V, N): the distance to the object (eqs. 2-3), to everything else, and the values.
    """
    similarity = similarity_of(best, precision)
    both = torch.stack([similarity, of_the_others(similarity)], 1)[1:]
    return torch.cat([embedding_distance(both / -sharpness), read], 1)


def similarities(query: Tensor, memory: Tensor, sharpness: Tensor | float = 1.0) -> Tensor:
    """(..., Q, M) -sharpness * ||q - m||^2 between `query` (..., E, Q) and `memory` (..., E, M).

    The slow twin of what matching computes: `similarity_of` the weights.
    """
    return -sharpness * (query[..., :, None] - memory[..., None, :]).square().sum(-3)


def query_factor(query: Tensor, sharpness: Tensor | float) -> Tensor:
    """(..., Q, C) of `query` (..., E, Q); times `memory_factor` it is exponents of weights.

    [2q, -|q|^2, -1] . [m, 1, |m|^2] = -|q - m|^2, in bits and with the spare ones more. Squares of
    a lower precision stand in two columns, what was rounded and the rest: so that embeddings which
    are close have exponents as exact as they are.
    """
    rows, square = _in_bits(query, sharpness)
    parts = _exactly(spare_bits(query.dtype) - square, query.dtype)
    ones = torch.ones_like(parts)
    return torch.cat([2 * rows, parts, -ones], -2).mT.contiguous()


def memory_factor(memory: Tensor, sharpness: Tensor | float) -> Tensor:
    """(..., C, M) of `memory` (..., E, M), see `query_factor`."""
    columns, square = _in_bits(memory, sharpness)
    parts = _exactly(square, memory.dtype)
    return torch.cat([columns, torch.ones_like(parts), parts], -2)


def _in_bits(embedding: Tensor, sharpness: Tensor | float) -> tuple[Tensor, Tensor]:
    """Embeddings whose squared distances are bits, and their squares (..., 1, N) in float32."""
    scaled = (embedding * (sharpness * BITS) ** 0.5).to(embedding.dtype)
    wide = torch.promote_types(embedding.dtype, torch.float32)
    return scaled, scaled.to(wide).square().sum(-2, keepdim=True)


def _exactly(x: Tensor, precision: torch.dtype) -> Tensor:
    """(..., N, M) of `x` (..., 1, M): as many rows of a precision as their sum needs to be `x`."""
    rounded = x.to(precision)
    if precision == x.dtype:
        return rounded
    return torch.cat([rounded, (x - rounded).to(precision)], -2)


def _weights(rows: Tensor, key: Tensor) -> Tensor:
    """(..., Q, M), at least float32, of `query_factor` and `memory_factor`."""
    bits = rows @ key
    return bits.to(torch.promote_types(bits.dtype, torch.float32)).exp2_()


def _read(values: Tensor, weights: Tensor) -> Tensor:
    """(..., C, Q), of the precision of `weights` (..., Q, M), summed over `values` (..., C, M)."""
    return (values @ weights.to(values.dtype).mT).to(weights.dtype)


def spare_bits(precision: torch.dtype) -> float:
    """What is added to exponents of a precision: lower ones are finest about 0."""
    return SPARE_BITS if torch.finfo(precision).bits >= 32 else 0.0


def similarity_of(weights: Tensor, precision: torch.dtype = torch.float32) -> Tensor:
    """The similarities whose weights these are; -`FAR` where a weight is 0.

    `precision`: of the exponents.
    """
    least = torch.finfo(torch.float32).tiny
    bits = weights.clamp_min(least).log2()
    return torch.where(weights > least, (bits - spare_bits(precision)) / BITS, -FAR)


def largest(weights: Tensor, counts: Sequence[int]) -> Tensor:
    """The weight of the most similar memory position of each group (eqs. 2-3).

    Args:
        weights: (Q, M), memory sorted by group.
        counts: how many of the M positions belong to each of G groups.

    Returns:
        (G, Q); 0 where a group has no position.
    """
    return torch.stack(
        [
            group.amax(1) if group.shape[1] else weights.new_zeros(len(weights))
            for group in weights.split(list(counts), 1)
        ]
    )


def average(summed: Tensor) -> Tensor:
    """(C, Q) of `summed` (C + 1, Q) whose last row sums the weights; 0 where there are none."""
    return summed[:-1] / summed[-1:].clamp_min(torch.finfo(torch.float32).tiny)


def _and_ones(values: Tensor) -> Tensor:
    """(..., K * V + 1, M) of `values` (..., K, V, M): a product that sums the weights, too."""
    return F.pad(values.flatten(-3, -2), (0, 0, 0, 1), value=1.0)


def embedding_distance(squared: Tensor) -> Tensor:
    """FEELVOS's distance 1 - 2 / (1 + exp(s)) of a squared distance s, in [0, 1) (eq. 1).

    Written as tanh(s / 2), which is the same and cannot overflow.
    """
    return torch.tanh(squared.clamp_min(0) / 2)


def of_the_others(similarity: Tensor) -> Tensor:
    """(G, Q): for each group the largest of the other groups' `similarity` (G, Q)."""
    if len(similarity) == 1:
        return torch.full_like(similarity, -FAR)
    largest, where = similarity.topk(2, dim=0)
    group = torch.arange(len(similarity), device=similarity.device)[:, None]
    return torch.where(group == where[:1], largest[1:], largest[:1])
