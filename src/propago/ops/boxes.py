"""Boxes as tensors: overlap, the coding that networks regress, clipping, suppression of doubles.

A box is x0, y0, x1, y1 in pixels with exclusive end. Source: Ren et al., "Faster R-CNN", NIPS 2015,
equation 2, with the limits of torchvision's published models.
"""

import math

import torch
from torch import Tensor

MOST_GROWTH = math.log(1000 / 16)
"""A decoded side is at most exp of this times its anchor's: untrained logits stay finite."""


def box_areas(boxes: Tensor) -> Tensor:
    """(...) of boxes (..., 4); 0 of those whose end is not behind their beginning."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp_min(0).prod(-1)


def pairwise_ious(a: Tensor, b: Tensor) -> Tensor:
    """(N, M) IoU of boxes (N, 4) and (M, 4); 0 of empty ones."""
    low = torch.maximum(a[:, None, :2], b[None, :, :2])
    high = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clamp_min(0).prod(-1)
    either = box_areas(a)[:, None] + box_areas(b)[None] - both
    return both / either.clamp_min(torch.finfo(both.dtype).tiny)


def encoded(boxes: Tensor, anchors: Tensor, weights: tuple[float, ...] = (1, 1, 1, 1)) -> Tensor:
    """(N, 4) offsets tx, ty, tw, th that `decoded` takes back.

    Args:
        boxes: (N, 4), none of them empty.
        anchors: (N, 4) that the offsets are relative to.
        weights: factors of tx, ty, tw, th; Faster R-CNN's second stage has 10, 10, 5, 5.
    """
    sides, centres = _sides_and_centres(boxes)
    anchor_sides, anchor_centres = _sides_and_centres(anchors)
    offsets = [(centres - anchor_centres) / anchor_sides, (sides / anchor_sides).log()]
    return torch.cat(offsets, -1) * boxes.new_tensor(weights)


def decoded(offsets: Tensor, anchors: Tensor, weights: tuple[float, ...] = (1, 1, 1, 1)) -> Tensor:
    """(..., 4) boxes from offsets (..., 4) and anchors of a shape that fits; see `encoded`."""
    moves, growths = (offsets / offsets.new_tensor(weights)).split(2, -1)
    anchor_sides, anchor_centres = _sides_and_centres(anchors)
    centres = anchor_centres + moves * anchor_sides
    halves = growths.clamp_max(MOST_GROWTH).exp() * anchor_sides / 2
    return torch.cat([centres - halves, centres + halves], -1)


def clipped(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """(..., 4) the parts of boxes that lie in a picture of `size` (H, W)."""
    height, width = size
    most = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp_min(0), most)


def nms(boxes: Tensor, scores: Tensor, max_iou: float, groups: Tensor | None = None) -> Tensor:
    """(K,) places of the boxes that no better kept box overlaps by more, best first.

    The greedy rule, without a loop over boxes: "is not overlapped by a kept better one" is applied
    to all at once until nothing changes, which after k rounds is right for the k best at least
    (Zheng et al., "Enhancing Geometric Factors", 2020, prove it).

    Args:
        boxes: (N, 4).
        scores: (N,); of equal ones the first is better.
        max_iou: in [0, 1].
        groups: (N,) int, such as classes; boxes of different groups do not meet.
    """
    if groups is not None:
        members = [(groups == group).nonzero()[:, 0] for group in groups.unique()]
        kept = [own[nms(boxes[own], scores[own], max_iou)] for own in members]
        places = torch.cat([groups.new_zeros(0, dtype=torch.int64), *kept])
        return places[scores[places].argsort(descending=True, stable=True)]
    order = scores.argsort(descending=True, stable=True)
    overlaps = (pairwise_ious(boxes[order], boxes[order]) > max_iou).float().triu(1)
    kept, before = torch.ones(len(order), device=boxes.device), None
    while before is None or not torch.equal(kept, before):
        before, kept = kept, (kept @ overlaps == 0).float()
    return order[kept.bool()]


def _sides_and_centres(boxes: Tensor) -> tuple[Tensor, Tensor]:
    sides = boxes[..., 2:] - boxes[..., :2]
    return sides, boxes[..., :2] + sides / 2
