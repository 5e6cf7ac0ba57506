"""Pixel counts behind J and F, for all objects of a frame in the same few passes over its pixels.

All counts are whole numbers: they are exact, and so are the scores made of them.
"""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from propago.metrics.boundary import dilated_at
from propago.metrics.scratch import Scratch

OBJECTS_A_BLOCK = 32
"""True and predicted objects of a block fit side by side in one 64-bit word per pixel."""

FLAGS = ("changes", "down", "differs")
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
    joint, on, near = _measure(gt, pred, count, count, tolerance_px, scratch)
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
    joint, on, near = _measure(gt, pred, gt_count, pred_count, tolerance_px, scratch)
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


def _measure(
    gt: np.ndarray,
    pred: np.ndarray,
    gt_count: int,
    pred_count: int,
    tolerance_px: int,
    scratch: Scratch,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joint areas, and at every boundary pixel which boundaries it is on and which are near it.

    Returns:
        joint: (K + 1, P + 1) int64 pixels with true index k and predicted index p.
        on: (N,) words; bit k - 1: on the boundary of true object k, bit K + p - 1: on that of
            predicted object p.
        near: (N,) words: the same of all boundary pixels within the tolerance.
    """
    codes, stride, base = _joint_codes(gt, pred, gt_count, pred_count, scratch)
    height, width = gt.shape
    size = height * stride
    changes, down, differs = (scratch.array(name, size, bool) for name in FLAGS)
    np.not_equal(codes[:size], codes[1 : size + 1], out=changes)
    np.not_equal(codes[:size], codes[stride : size + stride], out=down)
    np.logical_or(changes, down, out=differs)
    np.logical_or(differs[:-1], down[1:], out=differs[:-1])
    differs.reshape(height, stride)[:, width] = False
    points = np.flatnonzero(differs)
    rows = points // stride
    columns = points - rows * stride
    right = changes[points]
    joint = _areas(codes, points[right], columns[right] + 1, (width, stride), base)
    table = _words(gt_count, pred_count, base)
    centre = table[codes[points]]
    on = np.zeros_like(centre)
    for offset in (1, stride, stride + 1):
        on |= centre ^ table[codes[points + offset]]
    near = dilated_at(rows, columns, on, tolerance_px, scratch)
    return joint.reshape(-1, base)[: gt_count + 1, : pred_count + 1], on, near


def _joint_codes(
    gt: np.ndarray, pred: np.ndarray, gt_count: int, pred_count: int, scratch: Scratch
) -> tuple[np.ndarray, int, int]:
    """Both maps as one flat map of codes base * k + p, its last row and column repeated once.

    Returns:
        ((H + 1) * (W + 1) + 1,) codes, the row stride W + 1, and the base.
    """
    height, width = gt.shape
    small = gt_count < 16 and pred_count < 16
    dtype, base = (np.uint8, 16) if small else (np.uint16, 64)
    stride, size = width + 1, height * (width + 1) - 1
    codes = scratch.array("codes", size + stride + 2, dtype)
    true, predicted = (
        _with_gaps(labels, name, scratch) for labels, name in ((gt, "gt"), (pred, "pred"))
    )
    np.multiply(true, dtype(base), out=codes[:size], casting="unsafe", dtype=dtype)
    np.bitwise_or(codes[:size], predicted, out=codes[:size], casting="unsafe", dtype=dtype)
    picture = codes[:-1].reshape(height + 1, stride)
    picture[:height, width] = picture[:height, width - 1]
    picture[height] = picture[height - 1]
    codes[-1] = codes[-2]
    return codes, stride, base


def _with_gaps(labels: np.ndarray, name: str, scratch: Scratch) -> np.ndarray:
    """(H * (W + 1) - 1,) flat map with one value of any kind between two rows.

    A map decoded from a PNG lies in memory like this already.
    """
    height, width = labels.shape
    size = height * (width + 1) - 1
    if labels.strides == ((width + 1) * labels.itemsize, labels.itemsize):
        return np.lib.stride_tricks.as_strided(labels, (size,), (labels.itemsize,))
    spread = scratch.array(name, size + 1, labels.dtype)
    spread.reshape(height, width + 1)[:, :width] = labels
    return spread[:size]


def _areas(
    codes: np.ndarray, ends: np.ndarray, lengths: np.ndarray, row: tuple[int, int], base: int
) -> np.ndarray:
    """(base²,) pixels of each code, from the few places where the code changes along a row.

    A run of one code from column a to b - 1 is b - a pixels: each end adds what lies left of
    it to the code before it and takes it from the code behind it; the row's end adds the whole
    width.

    Args:
        codes: from `_joint_codes`.
        ends: (M,) flat positions of the last pixel of a run, those at the row's end left out.
        lengths: (M,) columns up to and with that pixel.
        row: width and stride.
        base: from `_joint_codes`.
    """
    width, stride = row
    last = codes[width - 1 : len(codes) - 1 - stride : stride]
    size = base * base
    added = np.bincount(codes[ends], lengths, size) - np.bincount(codes[ends + 1], lengths, size)
    return added.astype(np.int64) + width * np.bincount(last, minlength=size)


@cache
def _words(gt_count: int, pred_count: int, base: int) -> np.ndarray:
    """Word of each code: the bit of its true object and that of its predicted one."""
    dtype = _word_type(gt_count + pred_count)
    gt_bits = [0, *(1 << k for k in range(gt_count))]
    pred_bits = [0, *(1 << (gt_count + p) for p in range(pred_count))]
    table = np.zeros((gt_count + 1, base), dtype)
    table[:, : pred_count + 1] = np.array(gt_bits, dtype)[:, None] | np.array(pred_bits, dtype)
    return table.ravel()


def _word_type(bit_count: int) -> type[np.unsignedinteger]:
    """The narrowest unsigned type of at least `bit_count` bits."""
    for dtype in (np.uint8, np.uint16, np.uint32):
        if bit_count <= np.iinfo(dtype).bits:
            return dtype
    return np.uint64


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
