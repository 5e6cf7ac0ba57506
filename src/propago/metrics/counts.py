"""Pixel counts behind J and F: every pair of a true and a predicted object of a frame at once.

All counts are integers, so each way to compute them gives the same bits.
"""

from dataclasses import dataclass

import numpy as np

from propago.metrics.boundary import boundary_codes, dilate_planes, disk_half_widths

OBJECTS_A_BLOCK = 32
"""True and predicted objects of a block fit side by side in one 64-bit word per pixel."""


@dataclass(frozen=True)
class PairCounts:
    """Counts of one frame with K true and P predicted objects, in pixels, int64.

    Attributes:
        intersection: (K, P) pixels in both masks.
        gt_area: (K,) pixels of each true mask.
        pred_area: (P,) pixels of each predicted mask.
        gt_boundary: (K,) boundary pixels of each true mask.
        pred_boundary: (P,) boundary pixels of each predicted mask.
        gt_matched: (K, P) true boundary pixels within the tolerance of a predicted boundary.
        pred_matched: (K, P) predicted boundary pixels within the tolerance of a true boundary.
    """

    intersection: np.ndarray
    gt_area: np.ndarray
    pred_area: np.ndarray
    gt_boundary: np.ndarray
    pred_boundary: np.ndarray
    gt_matched: np.ndarray
    pred_matched: np.ndarray

    @classmethod
    def zero(cls, gt_count: int, pred_count: int) -> "PairCounts":
        """Counts of a frame in which no object has a pixel."""
        pairs = (gt_count, pred_count)
        shapes = (pairs, gt_count, pred_count, gt_count, pred_count, pairs, pairs)
        return cls(*(np.zeros(shape, np.int64) for shape in shapes))


def count_pairs(
    gt: np.ndarray, pred: np.ndarray, gt_count: int, pred_count: int, tolerance_px: int
) -> PairCounts:
    """Areas, intersections and boundary matches of all pairs of objects of one frame.

    Args:
        gt: (H, W) unsigned; 0 background, k = 1..gt_count the k-th true object.
        pred: (H, W) unsigned; 0 background, p = 1..pred_count the p-th predicted object.
        gt_count: number of true objects K, absent ones included.
        pred_count: number of predicted objects P.
        tolerance_px: radius of the disk within which boundaries match.
    """
    window = _occupied_window(gt, pred)
    if window is None:
        return PairCounts.zero(gt_count, pred_count)
    gt, pred = gt[window], pred[window]
    step = OBJECTS_A_BLOCK
    if gt_count <= step and pred_count <= step:
        return _count_block(gt, pred, gt_count, pred_count, tolerance_px)
    rows = []
    for k in range(0, gt_count, step):
        block_gt, ks = _block(gt, k, gt_count)
        cells = []
        for p in range(0, pred_count, step):
            block_pred, ps = _block(pred, p, pred_count)
            cells.append(_count_block(block_gt, block_pred, ks, ps, tolerance_px))
        rows.append(cells)
    return _assemble(rows)


def _block(labels: np.ndarray, first: int, count: int) -> tuple[np.ndarray, int]:
    """Objects first+1 .. first+32 renumbered from 1, the others erased; and how many they are."""
    size = min(OBJECTS_A_BLOCK, count - first)
    inside = (labels > first) & (labels <= first + size)
    return np.where(inside, labels - first, 0).astype(np.uint8), size


def _assemble(rows: list[list[PairCounts]]) -> PairCounts:
    """One table from a grid of blocks."""
    first_row, first_column = rows[0], [row[0] for row in rows]
    return PairCounts(
        intersection=np.block([[c.intersection for c in row] for row in rows]),
        gt_area=np.concatenate([c.gt_area for c in first_column]),
        pred_area=np.concatenate([c.pred_area for c in first_row]),
        gt_boundary=np.concatenate([c.gt_boundary for c in first_column]),
        pred_boundary=np.concatenate([c.pred_boundary for c in first_row]),
        gt_matched=np.block([[c.gt_matched for c in row] for row in rows]),
        pred_matched=np.block([[c.pred_matched for c in row] for row in rows]),
    )


def _occupied_window(gt: np.ndarray, pred: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns that hold an object, one pixel wider on every side; None where none does.

    The pixel above and left is needed because a boundary pixel may lie just outside its object,
    the one below and right so that the edge of the window is background or the image's edge.
    """
    both = np.bitwise_or(gt, pred)
    rows = np.flatnonzero(both.any(1))
    if not len(rows):
        return None
    top, bottom = rows[0], rows[-1] + 1
    columns = np.flatnonzero(np.bitwise_or.reduce(both[top:bottom], 0))
    return (
        slice(max(top - 1, 0), bottom + 1),
        slice(max(columns[0] - 1, 0), columns[-1] + 2),
    )


def _count_block(
    gt: np.ndarray, pred: np.ndarray, gt_count: int, pred_count: int, tolerance_px: int
) -> PairCounts:
    """`count_pairs` for at most 32 objects on each side."""
    joint = _joint_histogram(gt, pred, gt_count, pred_count)
    points, bits = boundary_codes(gt, pred, gt_count, pred_count)
    planes = np.zeros(gt.shape, bits.dtype)
    planes.ravel()[points] = bits
    near = dilate_planes(planes, disk_half_widths(tolerance_px)).ravel()[points]
    at, around = _unpack(bits, gt_count + pred_count), _unpack(near, gt_count + pred_count)
    gt_at, pred_at = at[:, :gt_count], at[:, gt_count:]
    gt_around, pred_around = around[:, :gt_count], around[:, gt_count:]
    return PairCounts(
        intersection=joint[1:, 1:],
        gt_area=joint[1:].sum(1),
        pred_area=joint[:, 1:].sum(0),
        gt_boundary=gt_at.sum(0, dtype=np.int64),
        pred_boundary=pred_at.sum(0, dtype=np.int64),
        gt_matched=_products(gt_at, pred_around),
        pred_matched=_products(gt_around, pred_at),
    )


def _joint_histogram(
    gt: np.ndarray, pred: np.ndarray, gt_count: int, pred_count: int
) -> np.ndarray:
    """(K + 1, P + 1) pixels with true index k and predicted index p."""
    codes = gt.astype(np.intp) * (pred_count + 1) + pred
    counts = np.bincount(codes.ravel(), minlength=(gt_count + 1) * (pred_count + 1))
    return counts.reshape(gt_count + 1, pred_count + 1)


def _unpack(words: np.ndarray, count: int) -> np.ndarray:
    """(N, count) uint8: bit i of each word."""
    octets = words.astype(words.dtype.newbyteorder("<"), copy=False).view(np.uint8)
    octets = octets.reshape(len(words), words.itemsize)
    return np.unpackbits(octets, axis=1, count=count, bitorder="little")


def _products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """leftᵀ·right of 0/1 matrices as exact integers (float64 holds every count up to 2⁵³)."""
    return np.rint(left.T.astype(np.float64) @ right.astype(np.float64)).astype(np.int64)
