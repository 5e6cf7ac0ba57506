"""Anchors: the boxes around every position of a feature map that a proposal network begins from.

Source: Ren et al., "Faster R-CNN", NIPS 2015, section 3.1; the conventions of torchvision's
published models: corners are rounded to whole pixels, and the anchors of position 0 are centred on
the corner of the picture, not on the middle of the position.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

RATIOS = (0.5, 1.0, 2.0)
"""Height over width."""


def cell_anchors(sizes: Sequence[float], ratios: Sequence[float] = RATIOS) -> Tensor:
    """(R S, 4) boxes around the origin, of area size squared, ratios outer and sizes inner.

    Args:
        sizes: square roots of areas in pixels.
        ratios: height over width.
    """
    root = torch.tensor(ratios).sqrt()[:, None]
    widths, heights = (f * torch.tensor(sizes, dtype=torch.float32) for f in (1 / root, root))
    halves = torch.stack([widths, heights], -1).flatten(0, 1) / 2
    return torch.cat([-halves, halves], -1).round()


def grid_anchors(cells: Tensor, grid: tuple[int, int], stride: int) -> Tensor:
    """(h w A, 4) `cells` (A, 4) at every position of a map: rows outer, then columns, then cells.

    Args:
        cells: as `cell_anchors` makes them.
        grid: (h, w) of the map.
        stride: pixels of the picture between two positions.
    """
    rows, columns = (torch.arange(n, device=cells.device) * stride for n in grid)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    places = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (places + cells).reshape(-1, 4)
