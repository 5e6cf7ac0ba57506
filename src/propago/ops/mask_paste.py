"""Masks of boxes laid into the picture."""

import torch
from torch import Tensor


def pasted(masks: Tensor, boxes: Tensor, size: tuple[int, int], threshold: float = 0.5) -> Tensor:
    """(N, H, W) bool: mask n stretched over box n, at least `threshold` at a pixel's middle.

    Between the middles of two mask cells the values go linearly; the outer half of a border cell
    has the cell's value. A mask of ones is thus exactly the pixels whose middles lie in the box.
    torchvision rounds boxes to whole pixels and lets values fall to 0 around the mask, which cuts
    off the corners.

    Args:
        masks: (N, m, m) in [0, 1].
        boxes: (N, 4) x0, y0, x1, y1 in pixels of the picture; parts outside are left out.
        size: (H, W) of the picture.
        threshold: in (0, 1].
    """
    pictures = torch.zeros(len(masks), *size, dtype=torch.bool, device=masks.device)
    for mask, box, picture in zip(masks, boxes.detach(), pictures, strict=True):
        x0, y0, x1, y1 = box.tolist()
        first_row, rows = _weights(y0, y1, size[0], mask)
        first_column, columns = _weights(x0, x1, size[1], mask)
        inside = picture[first_row : first_row + len(rows)]
        inside = inside[:, first_column : first_column + len(columns)]
        inside.copy_(rows @ mask @ columns.T >= threshold)
    return pictures


def _weights(low: float, high: float, pixels: int, mask: Tensor) -> tuple[int, Tensor]:
    """The first pixel whose middle lies in [low, high), and (n, m) what cells count at each."""
    places = torch.arange(pixels, dtype=torch.float64) + 0.5
    there = ((places >= low) & (places < high)).nonzero()[:, 0]
    if not len(there):
        return 0, mask.new_zeros(0, len(mask))
    at = ((places[there] - low) / (high - low) * len(mask) - 0.5).clamp(0, len(mask) - 1)
    apart = (at[:, None] - torch.arange(len(mask))).abs()
    return int(there[0]), (1 - apart).clamp_min(0).to(mask)
