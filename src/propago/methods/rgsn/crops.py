"""Crops around objects, and what is known of a mask before: a Gaussian in its place.

Source: Zhou et al., "PTSNet: A Cascaded Network for Video Object Segmentation", arXiv 1907.01203,
and the authors' release.
"""

import math

import torch
from torch import Tensor

from propago.ops.boxes import box_areas, clipped
from propago.ops.resize import bilinear, resize

AROUND = 2.5
"""Sides of a crop over those of its box; 1.5 in the release, whose boxes are a detector's."""

WHOLE = 0.6
"""A box of a larger share of the picture is looked at with all of it."""

LEAST_SIGMA_PX = 5.0
"""Of a Gaussian, in pixels of a crop."""

ABSENT = -10.0
"""The logit of an object outside its crop."""

Rect = tuple[int, int, int, int]
"""x0, y0, x1, y1 in whole pixels, exclusive end, not empty."""


def mask_box(mask: Tensor) -> Tensor | None:
    """(4,) x0, y0, x1, y1 around a mask (H, W) above .5, exclusive end; None where it is empty."""
    rows, columns = (mask > 0.5).nonzero(as_tuple=True)
    if not len(rows):
        return None
    ends = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    return torch.stack(ends).float()


def crop_around(box: Tensor, size: tuple[int, int], around: float = AROUND) -> Rect:
    """The crop of a picture (H, W) around a box (4,): `around` times its sides, within the picture.

    Args:
        box: x0, y0, x1, y1 in pixels, exclusive end.
        size: of the picture.
        around: at least 1.
    """
    height, width = size
    if box_areas(box) > WHOLE * height * width:
        return 0, 0, width, height
    room = (box[2:] - box[:2]) * (around - 1) / 2
    x0, y0, x1, y1 = clipped(torch.cat([box[:2] - room, box[2:] + room]), size).tolist()
    left, top = min(math.floor(x0), width - 1), min(math.floor(y0), height - 1)
    return left, top, max(math.ceil(x1), left + 1), max(math.ceil(y1), top + 1)


def cropped(x: Tensor, rect: Rect, side: int) -> Tensor:
    """(C, side, side): a crop of `x` (C, H, W), stretched to a square."""
    x0, y0, x1, y1 = rect
    return resize(x[:, y0:y1, x0:x1], (side, side))


def put_back(logits: Tensor, rect: Rect, size: tuple[int, int]) -> Tensor:
    """(H, W): logits (side, side) of a crop in their place in a picture; `ABSENT` elsewhere."""
    x0, y0, x1, y1 = rect
    whole = logits.new_full(size, ABSENT)
    whole[y0:y1, x0:x1] = bilinear(logits[None, None], (y1 - y0, x1 - x0))[0, 0]
    return whole


def heat_map(mask: Tensor, shift: tuple[float, float] = (0, 0), stretch: float = 1) -> Tensor:
    """(H, W) in [0, 1]: a Gaussian around the object of a mask (H, W), above .5; 0 of none.

    Its middle is the median of the pixels, its deviations are 1.4826 times their median deviation
    along each axis, and at least 5 px: a few pixels far away move nothing.

    Args:
        mask: probabilities.
        shift: of the middle, x and y, in deviations; chance, in training.
        stretch: of the deviations.
    """
    rows, columns = (mask > 0.5).nonzero(as_tuple=True)
    if not len(rows):
        return torch.zeros_like(mask)
    exponent = torch.zeros_like(mask)
    for axis, places, move in ((0, rows, shift[1]), (1, columns, shift[0])):
        middle = places.float().median()
        sigma = (1.4826 * (places - middle).abs().median()).clamp_min(LEAST_SIGMA_PX)
        along = torch.arange(mask.shape[axis], device=mask.device) - middle - move * sigma
        lines = -(along / (sigma * stretch)).square() / 2
        exponent = exponent + (lines[:, None] if axis == 0 else lines[None])
    return exponent.exp()
