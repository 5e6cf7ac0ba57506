"""What a person points at, and what answers it with a mask."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels, exclusive end."""

Point = tuple[float, float]
"""x, y in pixels."""


@dataclass(frozen=True)
class Prompt:
    """What a person points at.

    Attributes:
        box_xyxy: around the object, in pixels, exclusive end, inside the picture; None without one.
        positive: clicks (x, y) on the object, in order.
        negative: clicks beside it, in order.
        present: (H, W) bool, its mask so far, which the clicks correct, the latest last; None where
            it had none before the first of them. With a box it does not count.
        longer_side_px: of the object's box in another frame, about which size it is looked for
            where clicks are all that is known; None where nobody knows.
    """

    box_xyxy: Box | None = None
    positive: tuple[Point, ...] = ()
    negative: tuple[Point, ...] = ()
    present: np.ndarray | None = None
    longer_side_px: float | None = None


class Prompter(Protocol):
    """Makes a mask of what a person points at, within a third of a second."""

    def __call__(self, rgb: np.ndarray, prompt: Prompt, /) -> np.ndarray | None:
        """The mask of the object.

        Args:
            rgb: (H, W, 3) uint8 picture.
            prompt: a box, clicks, or both.

        Returns:
            (H, W) bool; None where nothing is found.
        """
        ...
