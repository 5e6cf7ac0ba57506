"""The scan of `propago.ops.scan` for all directions at once, on any device.

The map is laid out once a direction so that every scan goes along the first axis; shorter
directions are filled up with zeros. One loop over lines then serves them all.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from propago.ops.scan_reference import inside_mask, is_backward, is_vertical, normalised


def propagate_batched(
    x: Tensor, gates: Tensor, directions: tuple[int, ...], floor: float, rounds: int
) -> Tensor:
    """As `propagate_reference`; float16 and bfloat16 are stored, float32 is summed."""
    wide = torch.promote_types(x.dtype, torch.float32)
    p = normalised(gates.to(wide), floor).to(x.dtype).unbind(2)
    vertical = {is_vertical(d) for d in directions}
    length = max(x.shape[-2:] if len(vertical) == 2 else _line_shape(x, directions[0]))
    lines_p = torch.stack([_masked_lines(*g, length) for g in zip(p, directions, strict=True)], 2)
    for _ in range(rounds):
        lines_x = torch.stack([_as_lines(x, d, length) for d in directions], 1)
        h = _Scan.apply(lines_x, lines_p)
        maps = [_as_map(h[:, i], d, x.shape) for i, d in enumerate(directions)]
        x = torch.stack(maps).amax(0)
    return x


def _line_shape(x: Tensor, direction: int) -> tuple[int, int]:
    """How many lines there are and how long each is."""
    height, width = x.shape[-2:]
    return (height, width) if is_vertical(direction) else (width, height)


def _as_lines(x: Tensor, direction: int, length: int) -> Tensor:
    """(B, ..., H, W) as (length, B, ..., length): lines in the order of the scan, zeros behind."""
    lines = x.movedim(-2 if is_vertical(direction) else -1, 0)
    lines = lines.flip(0) if is_backward(direction) else lines
    missing = length - lines.shape[0]
    return F.pad(lines, (0, length - lines.shape[-1], *(0, 0) * (lines.ndim - 2), 0, missing))


def _masked_lines(p: Tensor, direction: int, length: int) -> Tensor:
    """Gates (B, G, 3, H, W) as (length, 3, B, G, length), 0 where they point outside."""
    inside = inside_mask(_line_shape(p, direction)[1], p)
    inside = inside[:, None] if is_vertical(direction) else inside[..., None]
    return _as_lines(p * inside, direction, length).movedim(3, 1)


def _as_map(lines: Tensor, direction: int, shape: torch.Size) -> Tensor:
    """The inverse of `_as_lines` for the map's shape."""
    count, length = (shape[-2:]) if is_vertical(direction) else (shape[-1], shape[-2])
    lines = lines[:count, ..., :length]
    lines = lines.flip(0) if is_backward(direction) else lines
    return lines.movedim(0, -2 if is_vertical(direction) else -1)


class _Scan(torch.autograd.Function):
    """h of x (T, D, B, C, R) and p (T, 3, D, B, 1 or C, R), which is 0 where it points outside."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: Tensor) -> Tensor:
        """One line after the other; the line before is kept with a margin of one at either end."""
        wide = torch.promote_types(x.dtype, torch.float32)
        h = torch.empty_like(x, memory_format=torch.contiguous_format)
        before = x.new_zeros((*x.shape[1:-1], x.shape[-1] + 2), dtype=wide)
        middle, near = before[..., 1:-1], _neighbours(before)
        h[0] = middle[:] = x[0]
        for h_t, x_t, p_t in list(zip(h, x, p.contiguous(), strict=True))[1:]:
            steps = (near - x_t).mul_(p_t)
            torch.sum(steps, 0, out=middle).add_(x_t)
            h_t.copy_(middle)
        ctx.save_for_backward(x, p, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """The scan in the other direction: e is what reaches h of a line from all lines after."""
        x, p, h = ctx.saved_tensors
        wide = torch.promote_types(x.dtype, torch.float32)
        e = torch.empty_like(grad, dtype=wide, memory_format=torch.contiguous_format)
        sent = e.new_zeros((3, *x.shape[1:-1], x.shape[-1] + 2))
        room, received = sent[..., 1:-1], _receivers(sent)
        for e_t, g_t, p_t in reversed(list(zip(e, grad, p, strict=True))):
            torch.sum(received, 0, out=e_t).add_(g_t)
            torch.mul(e_t, p_t, out=room)
        dx = e.clone()
        dx[1:] *= 1 - p[1:].sum(1, dtype=wide)
        dp = torch.zeros_like(p)
        padded = F.pad(h[:-1], (1, 1))
        for k in range(3):
            step = (padded[..., k : k + x.shape[-1]] - x[1:]) * e[1:]
            dp[1:, k] = step if p.shape[4] == x.shape[3] else step.sum(3, keepdim=True)
        return dx.to(x.dtype), dp


def _neighbours(line: Tensor) -> Tensor:
    """(3, ..., R) view of a line (..., R + 2): what pixels k = -1, 0, +1 from each one hold."""
    return line.unfold(-1, line.shape[-1] - 2, 1).movedim(-2, 0)


def _receivers(sent: Tensor) -> Tensor:
    """(3, ..., R) view of (3, ..., R + 2): the pixel at i + k gets what i sent for k."""
    first, *middle, _ = sent.stride()
    size = (*sent.shape[:-1], sent.shape[-1] - 2)
    return sent.as_strided(size, (first - 1, *middle, 1), sent.storage_offset() + 2)
