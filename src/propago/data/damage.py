"""Damaged masks: what a tracker's previous mask looks like after it has begun to drift."""

import torch
import torch.nn.functional as F
from torch import Tensor


def damage(masks: Tensor, generator: torch.Generator) -> Tensor:
    """Shift, erode by parts, leak into the surroundings, or lose each of `masks` (K, H, W).

    Every object draws its own damage. Values stay in [0, 1] and the objects' sum at most 1.
    """
    damaged = torch.stack([_damage_one(mask, generator) for mask in masks])
    return damaged / damaged.sum(0, keepdim=True).clamp_min(1)


def some_damaged(masks: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """(N, H, W): each of `masks` damaged with a chance of `share`, of different clips each."""
    chosen = torch.rand(len(masks), generator=generator) < share
    rows = [
        damage(mask[None].cpu(), generator)[0].to(mask) if one else mask
        for mask, one in zip(masks, chosen, strict=True)
    ]
    return torch.stack(rows)


def _damage_one(mask: Tensor, generator: torch.Generator) -> Tensor:
    chance = torch.rand(4, generator=generator)
    if chance[0] < 0.05:
        return torch.zeros_like(mask)
    if chance[1] < 0.5:
        mask = _shift(mask, generator)
    if chance[2] < 0.5:
        mask = mask * (1 - _patches(mask, generator, share=0.3))
    if chance[3] < 0.5:
        near = F.max_pool2d(mask[None, None], 31, 1, 15)[0, 0]
        mask = torch.maximum(mask, near * _patches(mask, generator, share=0.3))
    return mask


def _shift(mask: Tensor, generator: torch.Generator) -> Tensor:
    move = torch.randn(2, generator=generator) * 0.04
    scale = 1 + torch.randn((), generator=generator) * 0.06
    theta = torch.tensor([[scale, 0, move[0]], [0, scale, move[1]]])[None]
    grid = F.affine_grid(theta, [1, 1, *mask.shape], align_corners=False)
    return F.grid_sample(mask[None, None], grid, align_corners=False)[0, 0]


def _patches(mask: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """(H, W) soft-edged random patches that cover about `share` of the picture."""
    cells = int(torch.randint(4, 13, (), generator=generator))
    noise = torch.rand(1, 1, cells, cells, generator=generator)
    smooth = F.interpolate(noise, mask.shape, mode="bicubic", align_corners=False)[0, 0]
    return ((smooth - smooth.flatten().quantile(1 - share)) * 20).sigmoid()
