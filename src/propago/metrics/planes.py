"""The passes over the pixels of a frame behind `propago.metrics.counts`, in numpy."""

from functools import cache

import numpy as np

from propago.metrics.boundary import dilated_at
from propago.metrics.scratch import Scratch

FLAGS = ("changes", "down", "differs")


def measure(
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
