"""Wider masks: the largest value near every pixel."""

import torch.nn.functional as F
from torch import Tensor


def widened(masks: Tensor, by: int) -> Tensor:
    """The largest value within a square around each pixel: dilation, of 0s and 1s.

    Rows first, then columns: the cost grows with the square's side, not with its area.

    Args:
        masks: (..., H, W) float, at least (H, W).
        by: pixels from the square's middle to its sides.
    """
    maps = masks.reshape(-1, 1, *masks.shape[-2:])
    rows = F.max_pool2d(maps, (2 * by + 1, 1), 1, (by, 0))
    return F.max_pool2d(rows, (1, 2 * by + 1), 1, (0, by)).reshape(masks.shape)
