"""What FEELVOS remembers of a frame, and in which order matching reads it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from propago.ops.matching import SortedMemory


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


def sort_by_owner(memory: Sequence[Memory]) -> SortedMemory:
    """All positions of `memory`, the background's first, then each object's."""
    owner = torch.cat([owners(past.groups.flatten(1)) for past in memory])
    order = owner.argsort(stable=True)
    embedding = torch.cat([past.embedding.flatten(1) for past in memory], 1)
    values = torch.cat([past.values.flatten(0, 1).flatten(1) for past in memory], 1)
    counts = torch.bincount(owner, minlength=len(memory[0].groups))
    return SortedMemory(embedding[:, order], values[:, order], tuple(counts.tolist()))


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
