"""Boxes as every position says them, and as corners."""

import torch
from torch import Tensor

from propago.methods.bridging.net import STRIDE


def middles(size: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """(2, h, w) x and y in pixels of the middle of every position of a map of `size` (h, w)."""
    y, x = (STRIDE * (torch.arange(n, device=device) + 0.5) for n in size)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))


def corners(said: Tensor) -> Tensor:
    """(B, 4, h, w) x0, y0, x1, y1 of boxes (B, 4, h, w) as the network says them."""
    centres = said[:, :2] + middles((said.shape[-2], said.shape[-1]), said.device)
    halves = said[:, 2:].flip(1) / 2
    return torch.cat([centres - halves, centres + halves], 1)


def as_said(boxes: Tensor) -> Tensor:
    """(B, 4, h, w) what the network should say of boxes x0, y0, x1, y1 (B, 4, h, w)."""
    low, high = boxes.split(2, 1)
    offsets = (low + high) / 2 - middles((boxes.shape[-2], boxes.shape[-1]), boxes.device)
    return torch.cat([offsets, (high - low).flip(1)], 1)


def ious(a: Tensor, b: Tensor) -> Tensor:
    """(...) IoU of boxes x0, y0, x1, y1 along axis 1, (B, 4, ...); 0 of what is no box."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    both = (high - low).clamp_min(0).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).clamp_min(0).prod(1) for box in (a, b)]
    return both / (areas[0] + areas[1] - both).clamp_min(1e-6)
