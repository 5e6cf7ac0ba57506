"""Object boundaries and the disk within which two boundaries match (Perazzi et al., CVPR 2016).

A pixel is on the boundary of a mask where its value differs from that of its right, its lower or
its lower-right neighbour. In the last row only the right neighbour counts, in the last column
only the lower one, the last pixel has none: the picture's edge is not a boundary.
"""

import math

import numpy as np


def default_tolerance_px(size: tuple[int, int]) -> int:
    """0.8 % of the diagonal of a picture of `size` (H, W), rounded up; 8 at 480 x 854."""
    return math.ceil(0.008 * math.sqrt(size[0] ** 2 + size[1] ** 2))


def disk_half_widths(radius_px: int) -> tuple[int, ...]:
    """Half the width of the disk dx² + dy² <= r² in each of the rows dy = 0 .. r."""
    return tuple(math.isqrt(radius_px**2 - dy**2) for dy in range(radius_px + 1))


def boundary_codes(
    gt: np.ndarray, pred: np.ndarray, gt_count: int, pred_count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Every pixel on the boundary of an object of either map, and of which ones.

    Args:
        gt: (H, W) indices 0..gt_count.
        pred: (H, W) indices 0..pred_count.
        gt_count: number of true objects K.
        pred_count: number of predicted objects P, K + P <= 64.

    Returns:
        (N,) flat positions, ascending; (N,) words with bit k - 1 set on the boundary of true
        object k and bit K + p - 1 on that of predicted object p.
    """
    dtype = _word(gt_count + pred_count)
    codes = gt.astype(np.uint16) << 8 | pred
    points = np.flatnonzero(_differs(codes))
    row, column = np.divmod(points, gt.shape[1])
    below = np.minimum(row + 1, gt.shape[0] - 1) * gt.shape[1]
    right = np.minimum(column + 1, gt.shape[1] - 1)
    here = row * gt.shape[1]
    bits = np.zeros(len(points), dtype)
    for labels, count, shift in ((gt, gt_count, 0), (pred, pred_count, gt_count)):
        word = np.array([0, *(1 << (shift + i) for i in range(count))], dtype)
        flat = labels.ravel()
        centre = word[flat[points]]
        for neighbour in (here + right, below + column, below + right):
            bits |= centre ^ word[flat[neighbour]]
    return points, bits


def _differs(codes: np.ndarray) -> np.ndarray:
    """(H, W) bool: whether a pixel differs from its right, lower or lower-right neighbour."""
    differs = np.zeros(codes.shape, bool)
    right = codes[:, :-1] != codes[:, 1:]
    down = codes[:-1] != codes[1:]
    differs[:, :-1] = right
    differs[:-1] |= down
    differs[:-1, :-1] |= codes[:-1, :-1] != codes[1:, 1:]
    return differs


def _word(bit_count: int) -> type[np.unsignedinteger]:
    """The narrowest unsigned type of at least `bit_count` bits."""
    for dtype in (np.uint8, np.uint16, np.uint32):
        if bit_count <= np.iinfo(dtype).bits:
            return dtype
    return np.uint64


def dilate_planes(planes: np.ndarray, half_widths: tuple[int, ...]) -> np.ndarray:
    """Each bit plane dilated by the disk whose rows have `half_widths` (rows 0 .. r).

    The rows of a disk are nested: widening a copy of the planes step by step from the narrowest
    row to the widest and adding it at the distance of each row costs 2 r + 2 r + 1 passes, however
    many objects share a word. Each row is followed by r zeros, so that a shift is one
    contiguous pass over the whole array.

    Args:
        planes: (H, W) unsigned words.
        half_widths: from `disk_half_widths`.

    Returns:
        (H, W) words; nothing is set outside the picture.
    """
    radius = len(half_widths) - 1
    height, width = planes.shape
    stride = width + radius
    source = np.zeros((height, stride), planes.dtype)
    source[:, :width] = planes
    flat, widened = source.ravel(), source.ravel().copy()
    out = np.zeros((height + 2 * radius) * stride, planes.dtype)
    size, reach = height * stride, 0
    for dy in range(radius, -1, -1):
        while reach < half_widths[dy]:
            reach += 1
            widened[reach:] |= flat[:-reach]
            widened[:-reach] |= flat[reach:]
        for row in {radius - dy, radius + dy}:
            out[row * stride : row * stride + size] |= widened
    middle = out[radius * stride :][:size].reshape(height, stride)
    return middle[:, :width]
