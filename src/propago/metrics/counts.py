"""Pixel counts behind J and F, for all objects of a frame in the same few passes over its pixels.

All counts are whole numbers: they are exact, and so are the scores made of them.
"""

from dataclasses import dataclass, fields

import numpy as np

from propago.metrics.planes import measure
from propago.metrics.scratch import Scratch

OBJECTS_A_BLOCK = 32
"""True and predicted objects of a block fit side by side in one 64-bit word per pixel."""

BITS_OF_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")


@dataclass(frozen=True)
class Counts:
    """Counts of one frame in pixels, int64.

    For K objects compared id by id every array is (K,). For all pairs of K true and P predicted
    objects the shapes are (K, P), (K, 1) or (1, P), so that the same formulas serve both.

    Attributes:
        intersection: pixels in both masks.
        gt_area: pixels of the true mask.
        pred_area: pixels of the predicted mask.
        gt_boundary: boundary pixels of the true mask.
        pred_boundary: boundary pixels of the predicted mask.
        gt_matched: true boundary pixels within the tolerance of the predicted boundary.
        pred_matched: predicted boundary pixels within the tolerance of the true boundary.
    """

    intersection: np.ndarray
    gt_area: np.ndarray
    pred_area: np.ndarray
    gt_boundary: np.ndarray
    pred_boundary: np.ndarray
    gt_matched: np.ndarray
    pred_matched: np.ndarray


def count_objects(
    gt: np.ndarray, pred: np.ndarray, count: int, tolerance_px: int, scratch: Scratch
) -> Counts:
    """Counts of objects 1 .. count, each true one against the predicted one of the same number.

    Args:
        gt: (H, W) unsigned; 0 background, k = 1..count the k-th true object.
        pred: (H, W) unsigned; likewise predicted.
        count: number of objects K, absent ones included.
        tolerance_px: radius of the disk within which boundaries match.
        scratch: memory to work in.
    """
    if scratch.compiled and (
        counts := _compiled(gt, pred, (count, count), tolerance_px, scratch, True)
    ):
        return counts
    if count <= OBJECTS_A_BLOCK:
        return _paired(gt, pred, count, tolerance_px, scratch)
    blocks = [
        _paired(_block(gt, first, size), _block(pred, first, size), size, tolerance_px, scratch)
        for first, size in _blocks(count)
    ]
    return Counts(*(np.concatenate([getattr(b, f.name) for b in blocks]) for f in fields(Counts)))


def count_pairs(
    gt: np.ndarray,
    pred: np.ndarray,
    gt_count: int,
    pred_count: int,
    tolerance_px: int,
    scratch: Scratch,
) -> Counts:
    """Counts of every true object 1 .. gt_count against every predicted one 1 .. pred_count.

    The arguments are those of `count_objects`.
    """
    if scratch.compiled and (
        counts := _compiled(gt, pred, (gt_count, pred_count), tolerance_px, scratch, False)
    ):
        return counts
    if gt_count <= OBJECTS_A_BLOCK and pred_count <= OBJECTS_A_BLOCK:
        return _all_pairs(gt, pred, gt_count, pred_count, tolerance_px, scratch)
    grid = [
        [
            _all_pairs(_block(gt, k, ks), _block(pred, p, ps), ks, ps, tolerance_px, scratch)
            for p, ps in _blocks(pred_count)
        ]
        for k, ks in _blocks(gt_count)
    ]
    return Counts(
        intersection=np.block([[c.intersection for c in row] for row in grid]),
        gt_area=np.concatenate([row[0].gt_area for row in grid]),
        pred_area=np.concatenate([c.pred_area for c in grid[0]], axis=1),
        gt_boundary=np.concatenate([row[0].gt_boundary for row in grid]),
        pred_boundary=np.concatenate([c.pred_boundary for c in grid[0]], axis=1),
        gt_matched=np.block([[c.gt_matched for c in row] for row in grid]),
        pred_matched=np.block([[c.pred_matched for c in row] for row in grid]),
    )


def _compiled(
    gt: np.ndarray,
    pred: np.ndarray,
    sizes: tuple[int, int],
    tolerance_px: int,
    scratch: Scratch,
    equal_ids: bool,
) -> Counts | None:
    """The same counts from machine code; None for a frame that it does not take."""
    from propago.metrics.compiled import measure_pairs

    if gt.dtype != np.uint8 or pred.dtype != np.uint8:
        return None
    measured = measure_pairs(gt, pred, sizes, tolerance_px, scratch, equal_ids)
    if measured is None:
        return None
    joint, (gt_boundary, pred_boundary), (gt_matched, pred_matched) = measured
    gt_area, pred_area = joint.sum(1)[1:], joint.sum(0)[1:]
    if equal_ids:
        shared = np.diagonal(joint)[1:]
        boundaries = gt_boundary, pred_boundary, gt_matched[:, 0], pred_matched[:, 0]
        return Counts(shared, gt_area, pred_area, *boundaries)
    boundaries = gt_boundary[:, None], pred_boundary[None], gt_matched, pred_matched.T
    return Counts(joint[1:, 1:], gt_area[:, None], pred_area[None], *boundaries)


def _blocks(count: int) -> list[tuple[int, int]]:
    """(objects before, objects in) each block."""
    starts = range(0, max(count, 1), OBJECTS_A_BLOCK)
    return [(first, min(OBJECTS_A_BLOCK, count - first)) for first in starts]


def _block(labels: np.ndarray, first: int, size: int) -> np.ndarray:
    """Objects first + 1 .. first + size renumbered from 1, the others erased."""
    inside = (labels > first) & (labels <= first + size)
    return np.where(inside, labels - first, 0).astype(np.uint8)


def _paired(
    gt: np.ndarray, pred: np.ndarray, count: int, tolerance_px: int, scratch: Scratch
) -> Counts:
    joint, on, near = measure(gt, pred, count, count, tolerance_px, scratch)
    shift = on.dtype.type(count)
    partner = (near >> shift) | (near << shift) if len(near) else near
    boundary, matched = _bit_counts(on, 2 * count), _bit_counts(on & partner, 2 * count)
    return Counts(
        intersection=np.diagonal(joint)[1:],
        gt_area=joint.sum(1)[1:],
        pred_area=joint.sum(0)[1:],
        gt_boundary=boundary[:count],
        pred_boundary=boundary[count:],
        gt_matched=matched[:count],
        pred_matched=matched[count:],
    )


def _all_pairs(
    gt: np.ndarray,
    pred: np.ndarray,
    gt_count: int,
    pred_count: int,
    tolerance_px: int,
    scratch: Scratch,
) -> Counts:
    joint, on, near = measure(gt, pred, gt_count, pred_count, tolerance_px, scratch)
    bits_on, bits_near = _bits(on, gt_count + pred_count), _bits(near, gt_count + pred_count)
    boundary = _bit_counts(on, gt_count + pred_count)
    return Counts(
        intersection=joint[1:, 1:],
        gt_area=joint.sum(1)[1:, None],
        pred_area=joint.sum(0)[None, 1:],
        gt_boundary=boundary[:gt_count, None],
        pred_boundary=boundary[None, gt_count:],
        gt_matched=_products(bits_on[:, :gt_count], bits_near[:, gt_count:]),
        pred_matched=_products(bits_near[:, :gt_count], bits_on[:, gt_count:]),
    )


def _octets(words: np.ndarray) -> np.ndarray:
    """(N, bytes) uint8, lowest first."""
    lowest_first = words.astype(words.dtype.newbyteorder("<"), copy=False)
    return lowest_first.view(np.uint8).reshape(len(words), words.itemsize)


def _bits(words: np.ndarray, count: int) -> np.ndarray:
    """(N, count) uint8: bit i of each word."""
    return np.unpackbits(_octets(words), axis=1, count=count, bitorder="little")


def _bit_counts(words: np.ndarray, count: int) -> np.ndarray:
    """(count,) int64: in how many words bit i is set."""
    octets = _octets(words)
    columns = [
        np.bincount(octets[:, i], minlength=256) @ BITS_OF_BYTE for i in range(octets.shape[1])
    ]
    return np.concatenate(columns)[:count]


def _products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """leftᵀ·right of 0/1 matrices as exact whole numbers (float64 holds all up to 2⁵³)."""
    return np.rint(left.T.astype(np.float64) @ right.astype(np.float64)).astype(np.int64)
