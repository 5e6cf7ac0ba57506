"""Boxes in which the object tracking network looks for an object, or that it is trained on."""

import torch
from torch import Tensor

from propago.ops.boxes import clipped, pairwise_ious

POSITIVE_IOU, NEGATIVE_IOU = 0.7, 0.3
"""Overlap with the box of the object: of positives at least, of negatives at most."""

NEAR_IOU, NEAR_IOU_AFTER_FAILURE = 0.3, 0.2
"""A proposal is a candidate where its overlap with the last box is larger."""

MAX_BOXES_PER_SIDE = 24
"""The most boxes of a grid in a row, and in a column."""

MIN_SIDE_PX = 4.0


def grid_boxes(sides: Tensor, size: tuple[int, int]) -> Tensor:
    """(R, 4) boxes of sides (2,) = (w, h), half a side apart, that cover a picture (H, W)."""
    whole = sides.new_tensor(size[::-1])
    steps = torch.maximum(sides / 2, whole / MAX_BOXES_PER_SIDE)
    x, y = (
        torch.arange(0, float(end), float(step)) for end, step in zip(whole, steps, strict=True)
    )
    middle = torch.cartesian_prod(x, y).to(sides)
    return _in_picture(torch.cat([middle - sides / 2, middle + sides / 2], 1), size)


def candidates_of(
    last: Tensor,
    proposals: Tensor,
    failed: bool,
    size: tuple[int, int],
    drawn: int,
    generator: torch.Generator,
) -> Tensor:
    """(R, 4) boxes among which the object is looked for.

    Args:
        last: (4,) its box in the frame before.
        proposals: (P, 4) of a detector; those near the last box count.
        failed: whether it was lost there: then proposals farther away count, and boxes are drawn
            farther apart.
        size: (H, W) of the picture.
        drawn: how many boxes are drawn around the last one.
        generator: source of the boxes drawn.
    """
    least = NEAR_IOU_AFTER_FAILURE if failed else NEAR_IOU
    near = proposals[pairwise_ious(proposals, last[None])[:, 0] > least]
    spread = 0.5 if failed else 0.2
    return torch.cat([last[None], near, drawn_around(last, drawn, spread, size, generator)])


def drawn_around(
    box: Tensor, count: int, spread: float, size: tuple[int, int], generator: torch.Generator
) -> Tensor:
    """(count, 4) boxes of about the size of a box (4,), shifted at random.

    The standard deviation of the shift is `spread` times the mean side of the box.
    """
    sides = (box[2:] - box[:2]).clamp_min(MIN_SIDE_PX)
    moves = torch.randn(count, 2, generator=generator) * spread * sides.mean()
    growth = 1.05 ** torch.randn(count, 2, generator=generator)
    middle, half = (box[:2] + box[2:]) / 2 + moves.to(box), sides * growth.to(box) / 2
    return _in_picture(torch.cat([middle - half, middle + half], 1), size)


def examples(
    box: Tensor, positives: int, negatives: int, size: tuple[int, int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Training boxes: (P, 4) of the object in `box` (4,), and (N, 4) of other things.

    There are at most `positives` and `negatives` of them; `box` is the first positive. Where it
    fills the picture there may be no negatives.
    """
    near = drawn_around(box, 4 * positives, 0.1, size, generator)
    wide = drawn_around(box, negatives, 1.0, size, generator)
    sides = (wide[:, 2:] - wide[:, :2]) / 2
    places = torch.rand(negatives, 2, generator=generator).to(box) * box.new_tensor(size[::-1])
    far = _in_picture(torch.cat([places - sides, places + sides], 1), size)
    other = torch.cat([wide, far])[torch.randperm(2 * negatives, generator=generator)]
    close = near[pairwise_ious(near, box[None])[:, 0] >= POSITIVE_IOU]
    other = other[pairwise_ious(other, box[None])[:, 0] <= NEGATIVE_IOU]
    return torch.cat([box[None], close])[:positives], other[:negatives]


def _in_picture(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 4) boxes within a picture (H, W), none thinner than a few pixels."""
    height, width = size
    least = min(MIN_SIDE_PX, height, width)
    low = torch.minimum(boxes[:, :2], boxes.new_tensor([width - least, height - least]))
    low = low.clamp_min(0)
    return clipped(torch.cat([low, torch.maximum(boxes[:, 2:], low + least)], 1), size)
