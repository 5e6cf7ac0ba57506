"""Which part of a picture is looked at, and prompts in its pixels."""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from propago.prompts import Point, Prompt

MARGIN = 1.4
"""Side of a window, in parts of the longer side of what it is around (RITM, section 4.2)."""

KNOWN_MARGIN = 3.0
"""Side of the first window around clicks, in parts of the object's longer side elsewhere (ours)."""

LEAST_PX = 48
"""Side of a window, at least."""


@dataclass(frozen=True)
class Window:
    """Pixels [x0, x1) x [y0, y1) of a picture, seen at (h, w).

    Attributes:
        x0: left.
        y0: top.
        x1: right.
        y1: bottom.
        size: (h, w) in pixels.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    size: tuple[int, int]

    @property
    def pixels(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def enlarged(self, scale: float) -> "Window":
        """The same pixels seen at `scale` times the size."""
        height, width = (max(round(side * scale), 1) for side in self.size)
        return replace(self, size=(height, width))

    def of(self, prompt: Prompt) -> Prompt:
        """The prompt in pixels of the window."""
        down, across = self.size[0] / (self.y1 - self.y0), self.size[1] / (self.x1 - self.x0)

        def moved(points: tuple[Point, ...]) -> tuple[Point, ...]:
            return tuple(((x - self.x0) * across, (y - self.y0) * down) for x, y in points)

        box = prompt.box_xyxy
        if box is not None:
            (x0, y0), (x1, y1) = moved((box[:2], box[2:]))
            box = (x0, y0, x1, y1)
        return replace(
            prompt, box_xyxy=box, positive=moved(prompt.positive), negative=moved(prompt.negative)
        )


def whole(shape: tuple[int, ...], size_px: int) -> Window:
    """All of a picture (H, W, ...), see `seen_at`."""
    return seen_at((0, 0, shape[1], shape[0]), size_px)


def begun(prompt: Prompt, shape: tuple[int, ...], size_px: int) -> Window:
    """Where clicks are looked at first: all of a picture, less where the object's size is known.

    Args:
        prompt: with clicks.
        shape: (H, W, ...) of the picture.
        size_px: see `seen_at`.
    """
    if prompt.longer_side_px is None:
        return whole(shape, size_px)
    least_px = max(KNOWN_MARGIN * prompt.longer_side_px, LEAST_PX)
    return around(prompt, None, shape, size_px, least_px)


def around(
    prompt: Prompt,
    mask: np.ndarray | None,
    shape: tuple[int, ...],
    size_px: int,
    least_px: float = LEAST_PX,
) -> Window:
    """What lies around a box, clicks and a mask.

    Args:
        prompt: with a box or a click, or a mask that is not empty.
        mask: (H, W) bool; None or empty where there is none.
        shape: (H, W, ...) of the picture.
        size_px: see `seen_at`.
        least_px: side of the window, at least.
    """
    corners = [*prompt.positive, *prompt.negative]
    if prompt.box_xyxy is not None:
        corners += [prompt.box_xyxy[:2], prompt.box_xyxy[2:]]
    if mask is not None and mask.any():
        x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
        corners += [(x, y), (x + width, y + height)]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    side = max(MARGIN * max(high - low), least_px)
    middle, limits = (low + high) / 2, np.array(shape[1::-1])
    start = np.clip(np.floor(middle - side / 2), 0, limits).astype(int)
    end = np.clip(np.ceil(middle + side / 2), start + 1, limits).astype(int)
    return seen_at((*start.tolist(), *end.tolist()), size_px)


def seen_at(box: tuple[int, int, int, int], size_px: int) -> Window:
    """A window seen at as many pixels as a square of `size_px`, in its own proportions."""
    x0, y0, x1, y1 = box
    as_it_is = Window(x0, y0, x1, y1, (y1 - y0, x1 - x0))
    return as_it_is.enlarged(size_px / math.sqrt((y1 - y0) * (x1 - x0)))
