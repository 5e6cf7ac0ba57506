"""How often each source of a mixture is drawn from."""

from collections.abc import Sequence

import numpy as np

from propago.errors import UsageError


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
