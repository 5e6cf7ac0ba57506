"""The boxes that objects are looked for in: where their masks are, with room around."""

import torch
from torch import Tensor

from propago.ops.boxes import clipped, decoded

OFFSET_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
"""Of `propago.ops.boxes.encoded`, as in Fast R-CNN."""

MARGIN = 0.15
"""Share of a box's sides that is added on every side, before it is asked about and after."""

LOST_GROWTH = 0.5
"""The same, each frame that an object is lost: from a tenth of a frame to all of it in four."""

ABSENT = -10.0
"""The logit of an object outside its box."""


def mask_boxes(masks: Tensor) -> tuple[Tensor, Tensor]:
    """The boxes (N, 4) around masks (N, H, W) above .5, and (N,) whether there is any; 0 if not.

    x0, y0, x1, y1 in pixels, exclusive end.
    """
    there = masks > 0.5
    ends = []
    for lines in (there.any(1), there.any(2)):
        places = torch.arange(lines.shape[1], device=masks.device)
        ends.append(
            (
                torch.where(lines, places, lines.shape[1]).amin(1),
                torch.where(lines, places + 1, 0).amax(1),
            )
        )
    (x0, x1), (y0, y1) = ends
    found = there.flatten(1).any(1)
    boxes = torch.stack([x0, y0, x1, y1], 1) * found[:, None]
    return boxes.to(masks.dtype), found


def grown(boxes: Tensor, share: float, size: tuple[int, int]) -> Tensor:
    """Boxes (N, 4) with `share` of their sides added on every side, within a picture (H, W)."""
    room = (boxes[:, 2:] - boxes[:, :2]) * share
    return clipped(torch.cat([boxes[:, :2] - room, boxes[:, 2:] + room], 1), size)


def whole_picture(count: int, size: tuple[int, int]) -> Tensor:
    """(count, 4) boxes of all of a picture (H, W)."""
    return torch.tensor([[0.0, 0.0, size[1], size[0]]]).repeat(count, 1)


def asked_about(carried: Tensor, otherwise: Tensor) -> tuple[Tensor, Tensor]:
    """The boxes (N, 4) that are asked about, and (N,) whether of something carried.

    Args:
        carried: (N, H, W) probabilities of objects, carried to the present frame.
        otherwise: (N, 4) boxes of those of which nothing is left.
    """
    boxes, there = mask_boxes(carried)
    around = grown(boxes, MARGIN, (carried.shape[-2], carried.shape[-1]))
    return torch.where(there[:, None], around, otherwise), there


def refined(offsets: Tensor, boxes: Tensor, there: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 4): boxes moved as the network says, with room around; those not `there` as they are."""
    moved = grown(decoded(offsets, boxes, OFFSET_WEIGHTS), MARGIN, size)
    return torch.where(there[:, None], moved, boxes)


def inside(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, H, W) bool: the pixels of a picture (H, W) whose middles lie in each of boxes (N, 4)."""
    y, x = (torch.arange(side, device=boxes.device) + 0.5 for side in size)
    x0, y0, x1, y1 = boxes[:, :, None].unbind(1)
    rows, columns = (y >= y0) & (y < y1), (x >= x0) & (x < x1)
    return rows[:, :, None] & columns[:, None, :]
