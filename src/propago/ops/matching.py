"""Pixel matching between embeddings of two frames: the maths of FEELVOS, and a soft read-out.

Positions are flattened: Q query positions of the present frame, M positions in memory.
Source: Voigtlaender et al., FEELVOS, CVPR 2019, eqs. 1-4; the read-out follows space-time memory
networks (Oh et al., ICCV 2019) with the negative squared distance as similarity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FAR = 1e4
"""Taken from the similarity of positions that may not match; finite, so that gradients are too."""


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


def match_objects(
    query: Tensor,
    memory: SortedMemory,
    sharpness: Tensor | float = 1.0,
    penalty: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """What matching says of each of K objects at each query position.

    Args:
        query: (E, Q) embeddings of the present frame.
        memory: M positions.
        sharpness: as for `similarities`.
        penalty: as for `similarities`.

    Returns:
        (K, 2 + V, Q): the distance to the object (eqs. 2-3), to everything else, and the values
        that are read out.
    """
    similarity = similarities(query, memory.embedding, sharpness, penalty)
    groups = nearest(similarity, memory.counts)
    both = torch.stack([groups, of_the_others(groups)], 1)[1:]
    distances = embedding_distance(both / -sharpness)
    read = soft_readout(similarity, memory.values)
    return torch.cat([distances, read.unflatten(0, (len(distances), -1))], 1)


def similarities(
    query: Tensor,
    memory: Tensor,
    sharpness: Tensor | float = 1.0,
    penalty: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """(Q, M) -sharpness * ||q - m||^2 between `query` (E, Q) and `memory` (E, M).

    One matrix product: 2 q.m - |q|^2 - |m|^2 = [2q, -|q|^2, -1] . [m, 1, |m|^2].

    Args:
        query: embeddings.
        memory: embeddings.
        sharpness: scalar > 0.
        penalty: vectors (P, Q) and (P, M) whose inner products are added: `window_penalty`.
    """
    one_q, one_m = torch.ones_like(query[:1]), torch.ones_like(memory[:1])
    left = torch.cat([2 * query, -query.square().sum(0, keepdim=True), -one_q]) * sharpness
    right = torch.cat([memory, one_m, memory.square().sum(0, keepdim=True)])
    if penalty is not None:
        left, right = torch.cat([left, penalty[0]]), torch.cat([right, penalty[1]])
    return left.T.contiguous() @ right


def embedding_distance(squared: Tensor) -> Tensor:
    """FEELVOS's distance 1 - 2 / (1 + exp(s)) of a squared distance s, in [0, 1) (eq. 1).

    Written as tanh(s / 2), which is the same and cannot overflow.
    """
    return torch.tanh(squared.clamp_min(0) / 2)


def window_penalty(size: tuple[int, int], radius: int) -> tuple[Tensor, Tensor]:
    """Vectors whose inner product is 0 for two positions within a window, else at most -`FAR`.

    Two positions are within the window where both their rows and their columns differ by at most
    `radius`. Appended to embeddings they make `similarities` local at no further pass.

    Returns:
        (H + W, H * W) of the queries, and (H + W, H * W) of the memory positions.
    """
    left, right = [], []
    for axis, length in enumerate(size):
        at = torch.arange(length)
        apart = ((at[:, None] - at[None]).abs() > radius).float()
        repeat = [(lambda x: x.repeat_interleave(size[1], 1)), (lambda x: x.repeat(1, size[0]))]
        left.append(repeat[axis](apart * -FAR))
        right.append(repeat[axis](torch.eye(length)))
    return torch.cat(left), torch.cat(right)


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
    """Average `values` (V, M) with weights softmax over M of `similarity` (Q, M); (V, Q)."""
    return (torch.softmax(similarity, 1) @ values.T).T
