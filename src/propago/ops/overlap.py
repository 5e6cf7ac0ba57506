"""Intersection over union of every pair of boxes or masks."""

import numpy as np

from propago.errors import ShapeError


def box_ious(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) IoU of boxes (N, 4) and (M, 4): x0, y0, x1, y1, exclusive end; 0 of empty ones."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(box[:, 2:] - box[:, :2], 0, None), axis=1) for box in (a, b)]
    return _ratio(both, areas[0], areas[1])


def mask_ious(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) IoU of bool masks (N, H, W) and (M, H, W); 0 of empty ones.

    Raises:
        ShapeError: they are of two sizes.
    """
    if a.shape[1:] != b.shape[1:]:
        raise ShapeError(f"masks are of one size; these are {a.shape[1:]} and {b.shape[1:]}")
    pixels = a.shape[1] * a.shape[2]
    first, second = (masks.reshape(len(masks), pixels).astype(np.float32) for masks in (a, b))
    return _ratio(first @ second.T, first.sum(1), second.sum(1))


def _ratio(both: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    either = a[:, None] + b[None] - both
    return np.divide(both, either, out=np.zeros(both.shape), where=either > 0)
