"""The counts of `propago.metrics.counts` in machine code, by numba (extra `fast`).

Importing numba takes as long as counting some hundred frames the other way, and the first
use on a machine compiles for some seconds, so only long evaluations come here. The results are
equal. Kernels are serial: processes share the work.
"""

import numpy as np

from propago.metrics.boundary import disk_half_widths
from propago.metrics.scratch import Scratch
from propago.ops.machine_code import compiled

POINTS_A_SIDE = 1 << 17
"""Boundary pixels, counted once for each object, that a frame may have on either side."""
DE_BRUIJN, TOP = np.uint64(0x03F79D71B4CB0A89), np.uint64(58)
LOWEST_BIT = np.zeros(64, np.int64)
LOWEST_BIT[[(int(DE_BRUIJN) << i) % 2**64 >> 58 for i in range(64)]] = range(64)
"""The place of the only bit b of a word, at (b * DE_BRUIJN) >> 58."""
BYTE = np.uint64(255)
ONE, ALL = np.uint64(1), np.uint64(2**64 - 1)

Pair = tuple[np.ndarray, np.ndarray]


def measure_pairs(
    gt: np.ndarray,
    pred: np.ndarray,
    sizes: tuple[int, int],
    tolerance_px: int,
    scratch: Scratch,
    equal_ids: bool,
) -> tuple[np.ndarray, Pair, Pair] | None:
    """Joint areas, boundary lengths and matched boundary pixels of one frame.

    Args:
        gt: (H, W) uint8, k = 1..K the k-th true object.
        pred: (H, W) uint8, p = 1..P the p-th predicted one.
        sizes: K and P.
        tolerance_px: radius within which boundaries match.
        scratch: memory to work in.
        equal_ids: match object k with object k alone; else every pair.

    Returns:
        joint (K + 1, P + 1) int64; boundary pixels (K,) and (P,); matched ones of the true and of
        the predicted boundaries, (K, 1) and (K, 1) for equal ids, (K, P) and (P, K) for every
        pair.
        None where the boundaries are longer than there is room for.
    """
    (height, width), (gt_count, pred_count) = gt.shape, sizes
    (gt_flat, gt_stride), (pred_flat, pred_stride) = _flat(gt), _flat(pred)
    row_words = (width + 2 * tolerance_px) // 64 + 2
    planes = scratch.array("bits", (gt_count + pred_count) * height * row_words, np.uint64)
    planes.fill(0)
    planes = planes.reshape(gt_count + pred_count, height, row_words)
    points = scratch.array("points", 2 * POINTS_A_SIDE * 3, np.int32).reshape(2, -1, 3)
    row = scratch.array("row", (width + 7) // 8 * 8, np.uint8)
    joint = np.zeros((gt_count + 1, pred_count + 1), np.int64)
    found = _scan(
        (gt_flat, gt_stride, pred_flat, pred_stride),
        (height, width, tolerance_px, gt_count),
        planes,
        points,
        joint,
        (row, row.view(np.uint64)),
    )
    if found[0] < 0:
        return None
    half_widths = np.array(disk_half_widths(tolerance_px))
    gt_points, pred_points = points[0, : found[0]], points[1, : found[1]]
    gt_found = _match(gt_points, planes[gt_count:], pred_points, gt_count, half_widths, equal_ids)
    pred_found = _match(
        pred_points, planes[:gt_count], gt_points, pred_count, half_widths, equal_ids
    )
    return joint, (gt_found[0], pred_found[0]), (gt_found[1], pred_found[1])


def _flat(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """A read-only flat view of a label map and the distance of its rows; copied if it must be."""
    height, width = labels.shape
    if labels.strides == (width + 1, 1):
        flat = np.lib.stride_tricks.as_strided(labels, (height * (width + 1) - 1,), (1,))
        stride = width + 1
    else:
        flat, stride = np.ascontiguousarray(labels).reshape(-1), width
    flat.flags.writeable = False
    return flat, stride


@compiled(nogil=True)
def _add_differences(labels, start, below, width, out):
    """Add to each place of a row whether its pixel differs from right, lower, lower right."""
    here, under = labels[start : start + width], labels[start + below : start + below + width]
    last = width - 1
    for i in range(last):
        c = here[i]
        beside = np.uint8(np.uint8(c ^ here[i + 1]) | np.uint8(c ^ under[i]))
        out[i] |= np.uint8(beside | np.uint8(c ^ under[i + 1]))
    out[last] |= np.uint8(here[last] ^ under[last])


@compiled(nogil=True)
def _scan(maps, shape, planes, points, joint, rows):
    """Areas by runs, boundary points, and their bit planes.

    Of eight pixels in a word only those that differ from a neighbour are looked at, found by the
    word's lowest set bit.
    """
    gt, gt_stride, pred, pred_stride = maps
    height, width, radius, gt_count = shape
    row, words = rows
    counts = np.zeros(2, np.int64)
    for y in range(height):
        below_gt, below_pred = (gt_stride, pred_stride) if y + 1 < height else (0, 0)
        gt_row, pred_row = y * gt_stride, y * pred_stride
        words[:] = 0
        _add_differences(gt, gt_row, below_gt, width, row)
        _add_differences(pred, pred_row, below_pred, width, row)
        if counts.max() + 4 * width > points.shape[1]:
            counts[:] = -1
            return counts
        run = 0
        for word in range(words.shape[0]):
            left = words[word]
            while left:
                byte = LOWEST_BIT[((left & -left) * DE_BRUIJN) >> TOP] >> 3
                left &= ~(BYTE << np.uint64(8 * byte))
                x = 8 * word + byte
                right = 1 if x + 1 < width else 0
                a, b = gt_row + x, pred_row + x
                if gt[a] != gt[a + right] or pred[b] != pred[b + right]:
                    joint[gt[a], pred[b]] += x + 1 - run
                    run = x + 1
                place = (y, x, (x + radius) >> 6, ONE << np.uint64((x + radius) & 63))
                four = gt[a], gt[a + right], gt[a + below_gt], gt[a + below_gt + right]
                _mark(four, place, 0, 0, planes, points, counts)
                four = pred[b], pred[b + right], pred[b + below_pred], pred[b + below_pred + right]
                _mark(four, place, 1, gt_count, planes, points, counts)
        joint[gt[gt_row + width - 1], pred[pred_row + width - 1]] += width - run
    return counts


@compiled(nogil=True, inline="always")
def _mark(four, place, side, first_plane, planes, points, counts):
    """Enter a pixel as a boundary point of every object that is in some of `four` but not all."""
    c, e, s, d = four
    if c != e or c != s or c != d:
        _enter(c, place, side, first_plane, planes, points, counts)
        if e != c:
            _enter(e, place, side, first_plane, planes, points, counts)
        if s != c and s != e:
            _enter(s, place, side, first_plane, planes, points, counts)
        if d != c and d != e and d != s:
            _enter(d, place, side, first_plane, planes, points, counts)


@compiled(nogil=True, inline="always")
def _enter(label, place, side, first_plane, planes, points, counts):
    """Enter a boundary point of one object, unless it is the background."""
    if label:
        y, x, word, bit = place
        planes[first_plane + label - 1, y, word] |= bit
        n = counts[side]
        points[side, n, 0], points[side, n, 1], points[side, n, 2] = label - 1, y, x
        counts[side] = n + 1


@compiled(nogil=True)
def _boxes(points, count):
    """(count, 4) first row, first column, last row, last column of each object's points."""
    boxes = np.empty((count, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = 1 << 30, -(1 << 30)
    for i in range(points.shape[0]):
        k, y, x = points[i, 0], points[i, 1], points[i, 2]
        boxes[k, 0], boxes[k, 2] = min(boxes[k, 0], y), max(boxes[k, 2], y)
        boxes[k, 1], boxes[k, 3] = min(boxes[k, 1], x), max(boxes[k, 3], x)
    return boxes


@compiled(nogil=True)
def _match(points, planes, others, count, half_widths, equal_ids):
    """Points of each object, and how many have a bit of a plane within the disk around them.

    Args:
        points: (N, 3) object, row, column.
        planes: (P, H, words) bits of the other side's points.
        others: (M, 3) those points.
        count: number of objects K.
        half_widths: of the disk.
        equal_ids: whether object k meets plane k alone.

    Returns:
        (K,) points; (K, P) matched ones, (K, 1) for equal ids.
    """
    lengths = np.zeros(count, np.int64)
    matched = np.zeros((count, 1 if equal_ids else planes.shape[0]), np.int64)
    radius = half_widths.shape[0] - 1
    boxes = _boxes(others, planes.shape[0])
    for i in range(points.shape[0]):
        k, y, x = points[i, 0], points[i, 1], points[i, 2]
        lengths[k] += 1
        first, stop = (k, k + 1) if equal_ids else (0, planes.shape[0])
        for plane in range(first, stop):
            if y < boxes[plane, 0] - radius or y > boxes[plane, 2] + radius:
                continue
            if x < boxes[plane, 1] - radius or x > boxes[plane, 3] + radius:
                continue
            if _is_near(planes, plane, y, x + radius, half_widths):
                matched[k, plane - first] += 1
    return lengths, matched


@compiled(nogil=True, inline="always")
def _is_near(planes, plane, y, column, half_widths):
    """Whether a plane has a bit within the disk around row y and bit `column`."""
    hit = ALL ^ ALL
    for dy in range(half_widths.shape[0]):
        low, high = column - half_widths[dy], column + half_widths[dy]
        first, last = low >> 6, high >> 6
        head, tail = ALL << np.uint64(low & 63), ALL >> np.uint64(63 - (high & 63))
        for row in (y - dy, y + dy):
            if 0 <= row < planes.shape[1] and not hit:
                if first == last:
                    hit |= planes[plane, row, first] & head & tail
                else:
                    hit |= planes[plane, row, first] & head
                    hit |= planes[plane, row, last] & tail
                    for word in range(first + 1, last):
                        hit |= planes[plane, row, word]
        if hit:
            break
    return hit != 0
