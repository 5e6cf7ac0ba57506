"""The scan of `propago.ops.scan`, written to be read; autograd does the gradients."""

import torch
import torch.nn.functional as F
from torch import Tensor


def propagate_reference(
    x: Tensor, gates: Tensor, directions: tuple[int, ...], floor: float, rounds: int
) -> Tensor:
    """`propagate` with directions as indices of `DIRECTIONS` and the least divisor of the gates.

    Args:
        x: (B, C, H, W).
        gates: (B, 1 or C, D, 3, H, W), raw.
        directions: D of 0 right, 1 left, 2 down, 3 up.
        floor: gates are divided by the sum of their absolutes, or by this if it is larger.
        rounds: repetitions.

    Returns:
        (B, C, H, W).
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    h, p = x.to(wide), normalised(gates.to(wide), floor)
    for _ in range(rounds):
        scans = [scan(h, p[:, :, d], code) for d, code in enumerate(directions)]
        h = torch.stack(scans).amax(0)
    return h.to(x.dtype)


def normalised(gates: Tensor, floor: float) -> Tensor:
    """Gates (B, C, D, 3, H, W) divided by the larger of `floor` and their absolutes' sum."""
    return gates / gates.abs().sum(3, keepdim=True).clamp_min(floor)


def scan(x: Tensor, p: Tensor, direction: int) -> Tensor:
    """The h of one direction for `x` (B, C, H, W) and normalised gates `p` (B, 1 or C, 3, H, W)."""
    along = -2 if is_vertical(direction) else -1
    lines = list(zip(x.unbind(along), p.unbind(along), strict=True))
    if is_backward(direction):
        lines.reverse()
    h = [lines[0][0]]
    for x_t, p_t in lines[1:]:
        before = h[-1]
        shifted = (F.pad(before[..., :-1], (1, 0)), before, F.pad(before[..., 1:], (0, 1)))
        inside = inside_mask(x_t.shape[-1], x_t)
        steps = (p_t[:, :, k] * inside[k] * (shifted[k] - x_t) for k in range(3))
        h.append(x_t + sum(steps))
    if is_backward(direction):
        h.reverse()
    return torch.stack(h, along)


def inside_mask(length: int, like: Tensor) -> Tensor:
    """(3, length): 0 where the neighbour k = -1, 0, +1 of a line's pixel lies outside, else 1."""
    inside = like.new_ones(3, length)
    inside[0, 0] = inside[2, -1] = 0
    return inside


def is_vertical(direction: int) -> bool:
    """Whether lines are rows."""
    return direction >= 2


def is_backward(direction: int) -> bool:
    """Whether the scan begins at the last line."""
    return direction % 2 == 1
