"""Datasets in fixed proportions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from propago.data.task import Dataset
from propago.errors import UsageError


class Mixture:
    """Draws from several datasets in fixed proportions."""

    def __init__(self, weighted: Sequence[tuple[float, Dataset]]) -> None:
        """Mix `weighted` (weight, dataset) pairs; weights need not add up to 1.

        Raises:
            UsageError: no pair, or a weight that is negative, or none positive.
        """
        self._share = shares([weight for weight, _ in weighted])
        self._datasets = [dataset for _, dataset in weighted]

    def sample(self, rng: np.random.Generator) -> Any:
        """An example of one of the datasets."""
        return self._datasets[rng.choice(len(self._datasets), p=self._share)].sample(rng)


def shares(weights: Sequence[float]) -> np.ndarray:
    """(N,) float64 that add up to 1, in proportion to `weights`.

    Raises:
        UsageError: no weight, one below 0, or all 0.
    """
    given = np.array(weights, float)
    if len(given) == 0 or given.min() < 0 or given.sum() <= 0:
        raise UsageError(
            f"a mixture needs weights >= 0 that do not all vanish; these are {given.tolist()}"
        )
    return given / given.sum()
