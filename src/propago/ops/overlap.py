"""Intersection over union of every pair of boxes or regions."""

from collections.abc import Sequence

import numpy as np

from propago.ops.regions import Region, iou

_NOWHERE = (0, 0, 0, 0)


def box_ious(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) IoU of boxes (N, 4) and (M, 4): x0, y0, x1, y1, exclusive end; 0 of empty ones."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(box[:, 2:] - box[:, :2], 0, None), axis=1) for box in (a, b)]
    either = areas[0][:, None] + areas[1][None] - both
    return np.divide(both, either, out=np.zeros(both.shape), where=either > 0)


def region_ious(a: Sequence[Region | None], b: Sequence[Region | None]) -> np.ndarray:
    """(N, M) IoU of regions of one map; 0 of None, which has no pixel."""
    ious = box_ious(_boxes(a), _boxes(b))
    for n, m in zip(*np.nonzero(ious), strict=True):
        first, second = a[n], b[m]
        ious[n, m] = iou(first, second) if first and second else 0.0
    return ious


def _boxes(regions: Sequence[Region | None]) -> np.ndarray:
    return np.array([r.xyxy if r else _NOWHERE for r in regions], float).reshape(-1, 4)
