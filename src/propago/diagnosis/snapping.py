"""From blended or compressed mask values back to flat ids."""

from collections.abc import Mapping

import cv2
import numpy as np

from propago.io.levels import Levels
from propago.io.palette import DAVIS_IDS

Value = tuple[int, ...]
"""(index,), (grey,) or (red, green, blue)."""

SURE_WITHIN = 24.0
"""A value this near to a legal one is that value, changed by lossy compression."""

_AMBIGUOUS_SHARE = 0.4
_APART = 40
_REACH, _VOTERS = np.ones((7, 7), np.uint8), (5, 5)


def snap(levels: Levels, legal: Mapping[Value, int], lossy: bool) -> tuple[np.ndarray, int]:
    """Give every pixel a legal value's id.

    Pixels with a legal value keep it. Another one takes the nearest of the values that are legal
    and occur within 3 pixels. Where the second nearest is almost as near, it is ambiguous, and
    the majority of the pixels around it decides.

    Args:
        levels: the picture; its coordinates are of the same kind as the keys of `legal`.
        legal: id of each legal value.
        lossy: values near a legal one count as that value (compression noise).

    Returns:
        (H, W) uint16 ids; how many pixels were ambiguous.
    """
    values = np.array(list(legal), np.int64)
    ids = np.array(list(legal.values()), np.uint16)
    far = np.linalg.norm(levels.coordinates[:, None] - values[None], axis=-1)
    choice = far.argmin(1)[levels.place]
    sure = (far.min(1) <= (SURE_WITHIN if lossy else 0.0))[levels.place]
    if sure.all():
        return ids[choice], 0
    y, x = np.nonzero(~sure)
    cost = far[levels.place[y, x]]
    votes = np.zeros_like(cost)
    for k in range(len(values)):
        region = ((choice == k) & sure).astype(np.uint8)
        near = cv2.dilate(region, _REACH)[y, x] > 0
        cost[~near, k] += 1e6
        votes[:, k] = cv2.boxFilter(region, cv2.CV_32F, _VOTERS, normalize=False)[y, x]
    best = cost.argmin(1)
    ambiguous = _is_ambiguous(cost)
    best[ambiguous] = votes[ambiguous].argmax(1)
    choice[y, x] = best
    return ids[choice], int(ambiguous.sum())


def flat_values(coordinates: np.ndarray, core: np.ndarray, least_px: float) -> tuple[Value, ...]:
    """The values that a lossy picture had before compression, most frequent first.

    Args:
        coordinates: (N, C) values of flat areas.
        core: (N,) pixels of each.
        least_px: a value with fewer pixels around it is noise.

    Returns:
        Values at least 40 apart, each moved to a DAVIS colour, or to black or white, beside it.
    """
    left = core.astype(float)
    found: list[np.ndarray] = []
    while left.size and left.max() > 0:
        centre = coordinates[left.argmax()]
        group = np.abs(coordinates - centre).max(1) < _APART
        if left[group].sum() >= least_px:
            found.append(_without_noise(centre))
        left[group] = 0
    return tuple(dict.fromkeys(tuple(int(v) for v in centre) for centre in found))


def _without_noise(centre: np.ndarray) -> np.ndarray:
    known = np.array([(0,), (255,)] if len(centre) == 1 else [*DAVIS_IDS, (255, 255, 255)])
    distance = np.abs(known - centre).max(1)
    return known[distance.argmin()] if distance.min() <= 12 else centre


def _is_ambiguous(cost: np.ndarray) -> np.ndarray:
    if cost.shape[1] < 2:
        return np.zeros(len(cost), bool)
    first, second = np.partition(cost, 1, axis=1)[:, :2].T
    return first / np.maximum(first + second, 1e-9) > _AMBIGUOUS_SHARE
