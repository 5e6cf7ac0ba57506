"""What FEELVOS remembers of a frame, and in which order matching reads it."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from propago.methods.feelvos.rectangle import Rectangle
from propago.ops.matching import SortedMemory

NOBODY = -1
"""Who owns a position that was not encoded."""


@dataclass(frozen=True)
class Memory:
    """One remembered frame of one video with K objects, at the matching stride.

    Attributes:
        embedding: (E, h, w).
        context: (C, h, w).
        groups: (K + 1, h, w) share of each position that belongs to the background and each object.
        values: (K, V, h, w) encoded masks.
        crop: the part of the frame that was encoded; None is all. Positions beyond are nobody's.
    """

    embedding: Tensor
    context: Tensor
    groups: Tensor
    values: Tensor
    crop: Rectangle | None = None

    @cached_property
    def owners(self) -> Tensor:
        """(h, w) int64: the group that owns each position, see `owners`; `NOBODY` is none."""
        owner = owners(self.groups.flatten(1)).view(self.groups.shape[1:])
        return owner if self.crop is None else self.crop.only(owner, NOBODY)

    @cached_property
    def sorted(self) -> SortedMemory:
        """All positions that were encoded, the background's first, then each object's."""
        owner = self.owners.flatten()
        nobodys, *counts = torch.bincount(owner - NOBODY, minlength=len(self.groups) + 1).tolist()
        order = owner.argsort(stable=True)[nobodys:]
        values = self.values.flatten(2)[:, :, order]
        return SortedMemory(self.embedding.flatten(1)[:, order], values, tuple(counts))


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
