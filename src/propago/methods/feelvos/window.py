"""Where a small object is looked at a second time, enlarged."""

from dataclasses import dataclass

import torch
from torch import Tensor

from propago.methods.feelvos.object_inputs import others_of
from propago.methods.feelvos.rectangle import rectangle_around

LOOK_PX = 208
"""Side of the enlarged window: a multiple of 16."""

BOXES = 2.0
"""Sides of the object's box along a side of its window."""

LEAST_SIDE_PX = 64
"""No window is smaller: what is enlarged further shows nothing more."""

LEAST_ZOOM = 1.2
"""An object that would be enlarged less is not small."""

DRIFT = 0.12
"""A window stays while the object is within this part of its side from its centre, ..."""

GROWTH = 1.3
"""... and while the side that it should have is within this factor of the one it has."""


@dataclass(frozen=True)
class Window:
    """A square of a frame, in pixels."""

    top: int
    left: int
    side: int

    def of(self, x: Tensor) -> Tensor:
        """The part of `x` (..., H, W) in the window."""
        return x[..., self.top : self.top + self.side, self.left : self.left + self.side]

    @property
    def centre(self) -> tuple[float, float]:
        """(y, x)."""
        return self.top + self.side / 2, self.left + self.side / 2


@dataclass(frozen=True)
class Extent:
    """Where an object is: the centre (y, x) of its box, and the box's longer side, in pixels."""

    centre: tuple[float, float]
    side: int

    @classmethod
    def of(cls, mask: Tensor) -> "Extent | None":
        """Of `mask` (H, W) in [0, 1], where it is above 0.5; None where it is nowhere."""
        box = rectangle_around(mask, 0.5, 0)
        if box is None:
            return None
        centre = (box.top + box.bottom) / 2, (box.left + box.right) / 2
        return cls(centre, max(box.bottom - box.top, box.right - box.left))


def window_around(
    extent: Extent,
    size: tuple[int, int],
    scale: float,
    centre_before: tuple[float, float] | None = None,
    window_before: Window | None = None,
) -> Window | None:
    """The window in which an object is looked for in the next frame.

    Args:
        extent: of the object in this frame.
        size: (H, W) of the frame.
        scale: of the working size to the frame's.
        centre_before: of the object one frame earlier; it goes on as it went, and the window holds
            its place now and the one it goes to.
        window_before: kept where it still fits.

    Returns:
        A square inside the frame; None of an object that is large at the working size already, and
        where the frame is not shrunk to it: a window would show no more.
    """
    if scale >= 1:
        return None
    before = centre_before or extent.centre
    moved = [now - was for now, was in zip(extent.centre, before, strict=True)]
    side = round(max(BOXES * extent.side, LEAST_SIDE_PX) + max(map(abs, moved)))
    if side > min(*size, LOOK_PX / (LEAST_ZOOM * scale)):
        return None
    going = [now + by / 2 for now, by in zip(extent.centre, moved, strict=True)]
    if window_before and 1 / GROWTH <= side / window_before.side <= GROWTH:
        apart = (abs(a - b) for a, b in zip(going, window_before.centre, strict=True))
        if max(apart) <= DRIFT * window_before.side:
            return window_before
    top, left = (
        min(max(round(middle - side / 2), 0), length - side)
        for middle, length in zip(going, size, strict=True)
    )
    return Window(top, left, side)


def own_and_others(masks: Tensor, row: int) -> Tensor:
    """(2, H, W): object `row` of `masks` (K, H, W), and the sum of all others, at most 1."""
    return torch.stack([masks[row], others_of(masks)[row]])
