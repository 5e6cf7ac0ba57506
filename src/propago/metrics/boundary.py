"""Object boundaries and the disk within which two boundaries match (Perazzi et al., CVPR 2016).

A pixel is on the boundary of a mask where its value differs from that of its right, its lower or
its lower-right neighbour. In the last row only the right neighbour counts, in the last column
only the lower one, the last pixel has none: the picture's edge is not a boundary.
"""

import math

import numpy as np

from propago.metrics.scratch import Scratch

PLANES = ("picture", "gathered", "moved", "wider")


def default_tolerance_px(size: tuple[int, int]) -> int:
    """0.8 % of the diagonal of a picture of `size` (H, W), rounded up; 8 at 480 x 854."""
    return math.ceil(0.008 * math.sqrt(size[0] ** 2 + size[1] ** 2))


def disk_half_widths(radius_px: int) -> tuple[int, ...]:
    """Half the width of the disk dx² + dy² <= r² in each of the rows dy = 0 .. r."""
    return tuple(math.isqrt(radius_px**2 - dy**2) for dy in range(radius_px + 1))


def dilated_at(
    rows: np.ndarray, columns: np.ndarray, words: np.ndarray, radius_px: int, scratch: Scratch
) -> np.ndarray:
    """What a picture that is zero but at some points holds at those points when dilated by a disk.

    Every bit of the words is a picture of its own; all are dilated in the same passes.

    Args:
        rows: (N,) integers.
        columns: (N,) integers.
        words: (N,) unsigned integers at these points, which are distinct.
        radius_px: radius of the disk dx² + dy² <= r².
        scratch: memory to work in.

    Returns:
        (N,) words: the union of the words of all points within the radius.
    """
    if not len(words):
        return words
    top, left = rows.min(), columns.min()
    height, width = int(rows.max() - top) + 1, int(columns.max() - left) + 1
    stride = width + radius_px
    margin = stride + 2 * radius_px
    size = height * stride + 2 * margin
    picture, *others = (scratch.array(name, size, words.dtype) for name in PLANES)
    picture.fill(0)
    at = (rows - top) * stride + (columns - left + margin)
    picture[at] = words
    for plane in others:
        plane[:margin] = plane[-margin:] = 0
    return _dilated(picture, others, stride, disk_half_widths(radius_px))[at]


def _dilated(
    picture: np.ndarray, spare: list[np.ndarray], stride: int, half_widths: tuple[int, ...]
) -> np.ndarray:
    """A flat picture dilated by the disk whose rows 0 .. r have `half_widths`.

    From the disk's outermost row, a single pixel, inwards: what is gathered so far moves one row
    up and one down, and the picture, widened to the row's width, joins it. Rows of a disk are
    nested, so what this sets nearer to the middle than it should is in the disk all the same.
    Each row of the picture is followed by r zeros, so that every shift is one contiguous pass.

    Args:
        picture: rows of `stride` words, with `stride` + 2 r zeros before and behind; overwritten.
        spare: three arrays of the same size with zeros before and behind.
        stride: width plus r.
        half_widths: from `disk_half_widths`.
    """
    gathered, moved, wider = spare
    widened, reach = picture, 0
    np.copyto(gathered, picture)
    for half_width in half_widths[-2::-1]:
        while reach < half_width:
            step = min(half_width - reach, max(reach, 1))
            np.bitwise_or(widened[: -2 * step], widened[2 * step :], out=wider[step:-step])
            if reach == 0:
                wider |= widened
            widened, wider = wider, widened
            reach += step
        inner = moved[stride:-stride]
        np.bitwise_or(gathered[: -2 * stride], gathered[2 * stride :], out=inner)
        inner |= widened[stride:-stride]
        gathered, moved = moved, gathered
    return gathered
