"""Squares of a picture: some neighbouring positions at a time, alone or with those around."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Tiles:
    """T chosen ones of the squares that a picture (H, W) falls into.

    Attributes:
        size: (H, W).
        side: positions along a side of a square; those beyond the picture's border count, too.
        chosen: (rows, columns) of squares, true for T of them.
    """

    size: tuple[int, int]
    side: int
    chosen: Tensor

    @classmethod
    def covering(cls, wanted: Tensor, side: int) -> "Tiles":
        """The squares that hold any of the positions where `wanted` (H, W) is true."""
        found = F.max_pool2d(wanted[None].float(), side, ceil_mode=True)[0] > 0
        return cls((wanted.shape[0], wanted.shape[1]), side, found)

    def of(self, x: Tensor, around: int = 0, fill: float = 0.0) -> Tensor:
        """The squares of `x` (C, H, W), each with `around` more positions on every side.

        Returns:
            (T, C, (side + 2 around)^2); `fill` where a square reaches over the border.
        """
        below, right = (-length % self.side for length in self.size)
        x = F.pad(x, (around, around + right, around, around + below), value=fill)
        reach = self.side + 2 * around
        squares = x.unfold(1, reach, self.side).unfold(2, reach, self.side)
        return squares.permute(1, 2, 0, 3, 4)[self.chosen].flatten(2)

    def whole(self, squares: Tensor) -> Tensor:
        """(C, H, W) of `squares` (T, C, side^2); 0 in those that are not chosen."""
        out = squares.new_zeros(*self.chosen.shape, squares.shape[1], self.side, self.side)
        out[self.chosen] = squares.unflatten(2, (self.side, self.side))
        out = out.permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
        return out[:, : self.size[0], : self.size[1]]


def within(side: int, radius: int, device: torch.device | None = None) -> Tensor:
    """Which positions around a square are near which of its own.

    Returns:
        (side^2, (side + 2 radius)^2), true where neither rows nor columns differ by more than
        `radius`.
    """
    own = torch.arange(side, device=device)[:, None] + radius
    near = (own - torch.arange(side + 2 * radius, device=device)).abs() <= radius
    return torch.kron(near, near)
