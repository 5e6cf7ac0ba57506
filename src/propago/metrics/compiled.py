"""The counts of `propago.metrics.counts` in machine code, by numba (extra `fast`).

Importing numba takes as long as counting some hundred frames the other way, and the first
use on a machine compiles for some seconds, so only long evaluations come here. The results are
equal. Kernels are serial: processes share the work.
"""

import numpy as np
from numba import njit

from propago.metrics.boundary import disk_half_widths
from propago.metrics.scratch import Scratch

POINTS_A_SIDE = 1 << 17
"""Boundary pixels, counted once for each object, that a frame may have on either side."""
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
        the predicted boundaries, (K,) and (K,) for equal ids, (K, P) and (P, K) for every pair.
        None where the boundaries are longer than there is room for.
    """
    (height, width), (gt_count, pred_count) = gt.shape, sizes
    (gt_flat, gt_stride), (pred_flat, pred_stride) = _flat(gt), _flat(pred)
    row_words = (width + 2 * tolerance_px) // 64 + 2
    planes = scratch.array("bits", (gt_count + pred_count) * height * row_words, np.uint64)
    planes.fill(0)
    planes = planes.reshape(gt_count + pred_count, height * row_words)
    points = scratch.array("points", 2 * POINTS_A_SIDE * 3, np.int32).reshape(2, -1, 3)
    row = scratch.array("row", (width + 7) // 8 * 8, np.uint8)
    joint = np.zeros((gt_count + 1, pred_count + 1), np.int64)
    boxes = np.empty((gt_count + pred_count, 4), np.int64)
    found = _scan(
        (gt_flat, gt_stride, pred_flat, pred_stride),
        (height, width, tolerance_px, gt_count),
        planes,
        points,
        joint,
        boxes,
        (row, row.view(np.uint64)),
    )
    if found[0] < 0:
        return None
    half_widths = np.array(disk_half_widths(tolerance_px))
    shape = (height, tolerance_px, equal_ids)
    results = []
    for side, others in ((0, gt_count), (1, 0)):
        count, partners = (gt_count, pred_count)[side], (pred_count, gt_count)[side]
        lengths = np.zeros(count, np.int64)
        matched = np.zeros((count, 1 if equal_ids else partners), np.int64)
        _match(
            points[side, : found[side]],
            planes[others : others + partners],
            boxes[others : others + partners],
            half_widths,
            shape,
            lengths,
            matched,
        )
        results.append((lengths, matched[:, 0] if equal_ids else matched))
    (gt_lengths, gt_matched), (pred_lengths, pred_matched) = results
    return joint, (gt_lengths, pred_lengths), (gt_matched, pred_matched)


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


@njit(cache=True, nogil=True)
def _add_differences(labels, start, below, width, out):
    """Add to each place of a row whether its pixel differs from right, lower, lower right."""
    here, under = labels[start : start + width], labels[start + below : start + below + width]
    last = width - 1
    for i in range(last):
        c = here[i]
        beside = np.uint8(np.uint8(c ^ here[i + 1]) | np.uint8(c ^ under[i]))
        out[i] |= np.uint8(beside | np.uint8(c ^ under[i + 1]))
    out[last] |= np.uint8(here[last] ^ under[last])


@njit(cache=True, nogil=True)
def _scan(maps, shape, planes, points, joint, boxes, rows):
    """Areas by runs, boundary points, their bit planes, and the boxes around them.

    Pixels at which nothing differs from its neighbours are passed over eight at a time.
    """
    gt, gt_stride, pred, pred_stride = maps
    height, width, radius, gt_count = shape
    row, words = rows
    counts = np.zeros(2, np.int64)
    boxes[:, :2], boxes[:, 2:] = max(height, width), -1
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
            if words[word] == 0:
                continue
            for x in range(8 * word, min(8 * word + 8, width)):
                if row[x] == 0:
                    continue
                right = 1 if x + 1 < width else 0
                a, b = gt_row + x, pred_row + x
                if gt[a] != gt[a + right] or pred[b] != pred[b + right]:
                    joint[gt[a], pred[b]] += x + 1 - run
                    run = x + 1
                place = (y, x, radius, height)
                four = gt[a], gt[a + right], gt[a + below_gt], gt[a + below_gt + right]
                _mark(four, place, 0, 0, planes, points, boxes, counts)
                four = pred[b], pred[b + right], pred[b + below_pred], pred[b + below_pred + right]
                _mark(four, place, 1, gt_count, planes, points, boxes, counts)
        joint[gt[gt_row + width - 1], pred[pred_row + width - 1]] += width - run
    return counts


@njit(cache=True, nogil=True, inline="always")
def _mark(four, place, side, first_plane, planes, points, boxes, counts):
    """Enter a pixel as a boundary point of every object that is in some of `four` but not all."""
    c, e, s, d = four
    y, x, radius, height = place
    if c != e or c != s or c != d:
        for j in range(4):
            k = np.int64(c if j == 0 else e if j == 1 else s if j == 2 else d)
            seen = (j > 0 and k == c) or (j > 1 and k == e) or (j > 2 and k == s)
            if k and not seen:
                plane = first_plane + k - 1
                at = y * (planes.shape[1] // height) + ((x + radius) >> 6)
                planes[plane, at] |= ONE << np.uint64((x + radius) & 63)
                n = counts[side]
                points[side, n, 0], points[side, n, 1], points[side, n, 2] = k - 1, y, x
                counts[side] = n + 1
                boxes[plane, 0], boxes[plane, 2] = min(boxes[plane, 0], y), max(boxes[plane, 2], y)
                boxes[plane, 1], boxes[plane, 3] = min(boxes[plane, 1], x), max(boxes[plane, 3], x)


@njit(cache=True, nogil=True)
def _match(points, planes, boxes, half_widths, shape, lengths, matched):
    """Count points by object, and those with a bit of a plane within the disk around them."""
    height, radius, equal_ids = shape
    for i in range(points.shape[0]):
        k, y, x = points[i, 0], points[i, 1], points[i, 2]
        lengths[k] += 1
        first, stop = (k, k + 1) if equal_ids else (0, planes.shape[0])
        for plane in range(first, stop):
            beside = y < boxes[plane, 0] - radius or y > boxes[plane, 2] + radius
            if beside or x < boxes[plane, 1] - radius or x > boxes[plane, 3] + radius:
                continue
            if _is_near(planes, plane, height, y, x + radius, half_widths):
                matched[k, plane - first] += 1


@njit(cache=True, nogil=True, inline="always")
def _is_near(planes, plane, height, y, column, half_widths):
    """Whether a plane has a bit within the disk around row y and bit `column`."""
    row_words = planes.shape[1] // height
    hit = ALL ^ ALL
    for dy in range(half_widths.shape[0]):
        low, high = column - half_widths[dy], column + half_widths[dy]
        first, last = low >> 6, high >> 6
        head, tail = ALL << np.uint64(low & 63), ALL >> np.uint64(63 - (high & 63))
        for row in (y - dy, y + dy):
            if 0 <= row < height and not hit:
                start = row * row_words
                if first == last:
                    hit |= planes[plane, start + first] & head & tail
                else:
                    hit |= planes[plane, start + first] & head
                    hit |= planes[plane, start + last] & tail
                    for word in range(first + 1, last):
                        hit |= planes[plane, start + word]
        if hit:
            break
    return hit != 0
