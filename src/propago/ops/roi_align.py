"""Features of boxes by bilinear sampling (RoIAlign), from one map or from the levels of a pyramid.

Source: He et al., "Mask R-CNN", ICCV 2017, section 3; levels: Lin et al., "Feature Pyramid
Networks", CVPR 2017, equation 1. A bin is the mean of `samples` x `samples` points; a point more
than a position outside the map is 0, one less far out is read at the border.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.ops.boxes import box_areas

CANONICAL_PX, CANONICAL_STRIDE = 224, 16
"""A box of this side, as pictures of ImageNet have it, is read at this stride."""


def roi_align(
    features: Tensor,
    boxes: Tensor,
    bins: int,
    stride: float = 1.0,
    *,
    samples: int = 2,
    aligned: bool = False,
) -> Tensor:
    """(R, C, bins, bins) features (C, H, W) in each of R boxes.

    Args:
        features: of one picture.
        boxes: (R, 4) x0, y0, x1, y1 in pixels of the picture; no gradient reaches them.
        bins: along each side.
        stride: pixels of the picture from position to position.
        samples: points along each side of a bin.
        aligned: whether the middle of position i is at (i + 0.5) strides, as in pixels; if not it
            is at i strides and a box covers at least one position, as in torchvision's published
            models.
    """
    channels, height, width = features.shape
    x, y = _points(boxes, bins, stride, samples, aligned)
    columns, of_column = _read_at(x, width, samples)
    rows, of_row = _read_at(y, height, samples)
    places = rows[:, :, None, :, None] * width + columns[:, None, :, None, :]
    weights = of_row[:, :, None, :, None] * of_column[:, None, :, None, :]
    table = features.permute(1, 2, 0).reshape(-1, channels)
    exact = table if table.dtype.itemsize >= 4 else table.float()
    pooled = F.embedding_bag(
        places.flatten(3).flatten(0, 2),
        exact,
        mode="sum",
        per_sample_weights=weights.flatten(3).flatten(0, 2).to(exact.dtype),
    )
    pooled = pooled.view(len(boxes), bins, bins, channels).permute(0, 3, 1, 2)
    return pooled.to(features.dtype)


def cropped_masks(masks: Tensor, boxes: Tensor, bins: int, *, samples: int = 2) -> Tensor:
    """(R, bins, bins) in [0, 1]: `roi_align`, aligned, of mask n (R, H, W) in box n (R, 4)."""
    x, y = _points(boxes, bins, 1.0, samples, aligned=True)
    points = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), -1)
    sampled = _sampled(masks[:, None], points)
    return F.avg_pool2d(sampled, samples)[:, 0] if len(boxes) else sampled[:, 0, :bins, :bins]


def pyramid_roi_align(
    levels: Mapping[int, Tensor], boxes: Sequence[Tensor], bins: int, *, aligned: bool = False
) -> Tensor:
    """(R, C, bins, bins) features of the boxes of all pictures, each read at the level it fits.

    Args:
        levels: (B, C, h, w) by stride, powers of two.
        boxes: (R_b, 4) of each picture.
        bins: along each side.
        aligned: see `roi_align`.
    """
    strides = sorted(levels)
    every = torch.cat(list(boxes))
    picture = torch.cat([torch.full((len(b),), n) for n, b in enumerate(boxes)]).to(every.device)
    level = box_levels(every, strides)
    channels = levels[strides[0]].shape[1]
    pooled = levels[strides[0]].new_zeros(len(every), channels, bins, bins)
    for n in range(len(boxes)):
        for k, stride in enumerate(strides):
            rows = ((picture == n) & (level == k)).nonzero()[:, 0]
            if len(rows):
                found = roi_align(levels[stride][n], every[rows], bins, stride, aligned=aligned)
                pooled = pooled.index_copy(0, rows, found.to(pooled.dtype))
    return pooled


def box_levels(boxes: Tensor, strides: Sequence[int]) -> Tensor:
    """(R,) int64: the place in `strides`, rising powers of two, at which each box is read."""
    offset = (CANONICAL_STRIDE // strides[0]).bit_length() - 1
    sides = box_areas(boxes).sqrt() / CANONICAL_PX
    level = (offset + sides.clamp_min(1e-6).log2() + 1e-6).floor().long()
    return level.clamp(0, len(strides) - 1)


def _points(
    boxes: Tensor, bins: int, stride: float, samples: int, aligned: bool
) -> tuple[Tensor, Tensor]:
    """(R, bins samples) columns and rows of the points, in positions."""
    low, high = (boxes.detach() / stride - 0.5 * aligned).split(2, -1)
    sides = high - low if aligned else (high - low).clamp_min(1.0)
    steps = (torch.arange(bins * samples, device=boxes.device) + 0.5) / (bins * samples)
    x, y = (low[..., None] + sides[..., None] * steps).unbind(1)
    return x, y


def _read_at(points: Tensor, length: int, samples: int) -> tuple[Tensor, Tensor]:
    """What a bin reads along an axis: (R, bins, 2 samples) positions, and the weight of each.

    Args:
        points: (R, bins samples), in positions.
        length: of the axis.
        samples: points of a bin.
    """
    inside = (points >= -1) & (points <= length)
    points = points.clamp(0, length - 1)
    low = points.floor()
    share = points - low
    positions = torch.stack([low, (low + 1).clamp_max(length - 1)], -1).long()
    weights = torch.stack([1 - share, share], -1) * inside[..., None] / samples
    bins = points.shape[1] // samples
    return positions.unflatten(1, (bins, -1)).flatten(2), weights.unflatten(1, (bins, -1)).flatten(
        2
    )


def _sampled(maps: Tensor, points: Tensor) -> Tensor:
    """(B, C, h, w) of maps (B, C, H, W) at points (B, h, w, 2), columns first."""
    size = maps.new_tensor(maps.shape[:1:-1])
    inside = ((points >= -1) & (points <= size)).all(-1)
    grid = ((2 * points + 1) / size - 1).to(maps.dtype)
    sampled = F.grid_sample(maps, grid, "bilinear", "border", align_corners=False)
    return sampled if inside.all() else sampled * inside[:, None]
