"""The scan of `propago.ops.scan` as an operator that export keeps as a loop over lines.

Sizes stay free: ONNX has it as `Scan` nodes of plain sums and products.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._higher_order_ops.scan import scan

from propago.ops.scan_reference import is_backward, is_vertical, normalised


def propagate_exported(
    x: Tensor, gates: Tensor, directions: tuple[int, ...], floor: float, rounds: int
) -> Tensor:
    """`propagate_reference`, of at least two rows and columns; see there."""
    h, p = x, normalised(gates, floor)
    for _ in range(rounds):
        scans = [_scanned(h, p[:, :, d], code) for d, code in enumerate(directions)]
        h = torch.stack(scans).amax(0)
    return h


def _scanned(x: Tensor, p: Tensor, direction: int) -> Tensor:
    """The h of one direction for `x` (B, C, H, W) and normalised gates `p` (B, 1 or C, 3, H, W)."""
    along = -2 if is_vertical(direction) else -1
    lines, steps = x.movedim(along, 0), p.movedim(along, 0)
    if is_backward(direction):
        lines, steps = lines.flip(0), steps.flip(0)
    _, rest = scan(_line, lines[0].clone(), (lines[1:], steps[1:]))
    h = torch.cat([lines[:1], rest])
    if is_backward(direction):
        h = h.flip(0)
    return h.movedim(0, along)


def _line(before: Tensor, now: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """One line (B, C, N) of `h` from the one before; gates (B, 1 or C, 3, N) that leave count 0."""
    x, p = now
    up = F.pad(before[..., :-1] - x[..., 1:], (1, 0))
    down = F.pad(before[..., 1:] - x[..., :-1], (0, 1))
    h = x + p[:, :, 0] * up + p[:, :, 1] * (before - x) + p[:, :, 2] * down
    return h, h.clone()
