"""Two classes told apart by a linear function of features, in closed form.

Ridge regression of +1 and -1 on features, both classes counting the same (Hastie, Tibshirani,
Friedman, "The Elements of Statistical Learning", 2nd edition, sections 3.4.1 and 4.2). Of the
examples only sums are kept; those of more examples are added to them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

RIDGE = 0.1
"""Added to the diagonal of sums in which each class weighs 1."""

LEAST = 1e-3
"""Examples that weigh less are none."""


@dataclass(frozen=True)
class Examples:
    """Sums over the examples of K pairs of classes, C features each.

    Attributes:
        gram: (K, C, C) of features times features.
        moment: (K, C) of features times +1 or -1.
        weight: (K,) of either class.
    """

    gram: Tensor
    moment: Tensor
    weight: Tensor

    @classmethod
    def none(cls, pairs: int, features: int, device: torch.device) -> "Examples":
        """Nothing is known."""
        shapes = (pairs, features, features), (pairs, features), (pairs,)
        return cls(*(torch.zeros(shape, device=device) for shape in shapes))

    @classmethod
    def of_all(cls, pairs: Sequence["Examples"]) -> "Examples":
        """Of several sets of pairs, one behind the other."""
        parts = zip(*((one.gram, one.moment, one.weight) for one in pairs), strict=True)
        return cls(*(torch.cat(part) for part in parts))

    @cached_property
    def coefficients(self) -> Tensor:
        """(K, C): features times these are about +1 in one class and -1 in the other.

        0 where there are no examples.
        """
        ridge = RIDGE * torch.eye(self.gram.shape[-1], device=self.gram.device)
        return torch.linalg.solve(self.gram + ridge, self.moment)

    @cached_property
    def separation(self) -> Tensor:
        """(K,): the mean score of one class minus that of the other, about 2; 0 of nothing."""
        return (self.coefficients * self.moment).sum(1) / self.weight.clamp_min(LEAST)

    def __add__(self, more: "Examples") -> "Examples":
        """The examples of both."""
        return Examples(self.gram + more.gram, self.moment + more.moment, self.weight + more.weight)

    def reordered(self, before: Sequence[int], ids: Sequence[int]) -> "Examples":
        """Of the pairs called `before` those of `ids`; of a new one there are no examples."""
        new = Examples.none(1, self.gram.shape[-1], self.gram.device)
        known, last = Examples.of_all([self, new]), len(before)
        rows = [before.index(i) if i in before else last for i in ids]
        return Examples(known.gram[rows], known.moment[rows], known.weight[rows])


def examples(features: Tensor, share: Tensor, weight: Tensor) -> Examples:
    """What one pair of classes looks like; nothing where one of them has no examples.

    Args:
        features: (C, N).
        share: (N,) in [0, 1] how much an example belongs to the first class.
        weight: (N,) how much it counts within its class.
    """
    first, second = weight * share, weight * (1 - share)
    if min(first.sum(), second.sum()) < LEAST:
        return Examples.none(1, len(features), features.device)
    first, second = first / first.sum(), second / second.sum()
    gram = (features * (first + second)) @ features.T
    return Examples(gram[None], (features @ (first - second))[None], gram.new_ones(1))
