"""Rectangles of matching positions, or of pixels."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rectangle:
    """A rectangle of positions: rows top..bottom, columns left..right, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def area(self) -> int:
        """Positions in it."""
        return (self.bottom - self.top) * (self.right - self.left)

    def of(self, x: Tensor, finer: int = 1) -> Tensor:
        """The part of `x` (..., H, W) in it, where `x` has `finer` pixels a position."""
        pixels = self.finer(finer)
        return x[..., pixels.top : pixels.bottom, pixels.left : pixels.right]

    def only(self, x: Tensor, beyond: float = 0) -> Tensor:
        """`x` (..., H, W), with `beyond` outside of it."""
        out = torch.full_like(x, beyond)
        self.of(out).copy_(self.of(x))
        return out

    def wider(self, size: tuple[int, int], by: int = 1) -> "Rectangle":
        """With `by` positions more on every side, as far as a picture of `size` (h, w) reaches."""
        return Rectangle(
            max(self.top - by, 0),
            min(self.bottom + by, size[0]),
            max(self.left - by, 0),
            min(self.right + by, size[1]),
        )

    def finer(self, by: int) -> "Rectangle":
        """The same where a position is cut into `by` x `by`."""
        return Rectangle(self.top * by, self.bottom * by, self.left * by, self.right * by)

    def coarser(self, by: int) -> "Rectangle":
        """The blocks of `by` x `by` positions that hold it, counted in blocks."""
        return Rectangle(
            self.top // by, -(-self.bottom // by), self.left // by, -(-self.right // by)
        )

    def common(self, other: "Rectangle") -> "Rectangle | None":
        """What both hold; None where that is nothing."""
        both = Rectangle(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )
        return both if both.top < both.bottom and both.left < both.right else None

    def covers(self, other: "Rectangle") -> bool:
        """Whether all of `other` lies in it."""
        return self.common(other) == other

    def inside(self, other: "Rectangle") -> "Rectangle":
        """The same positions, counted from the corner of one that holds it."""
        return Rectangle(
            self.top - other.top,
            self.bottom - other.top,
            self.left - other.left,
            self.right - other.left,
        )


def rectangle_around(share: Tensor, threshold: float, margin: int) -> Rectangle | None:
    """The positions where `share` (h, w) exceeds `threshold`, and `margin` more on every side.

    None where it does so nowhere.
    """
    rows, columns = ((share.amax(axis) > threshold).nonzero()[:, 0] for axis in (1, 0))
    if len(rows) == 0:
        return None
    tight = Rectangle(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
    return tight.wider((share.shape[0], share.shape[1]), margin)
