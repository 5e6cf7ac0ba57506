"""What answers a click or a box with a mask. A promptable network is one more `Prompter`."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from propago.ops.box_mask import Box, ellipse_in_box, mask_in_box
from propago.ops.click_mask import Point, mask_from_clicks


@dataclass(frozen=True)
class Prompt:
    """What a person points at.

    Attributes:
        box_xyxy: around the object, in pixels, exclusive end, inside the picture; None without one.
        positive: clicks (x, y) on the object, in order.
        negative: clicks beside it, in order.
        present: (H, W) bool, its mask so far; None where it has none.
    """

    box_xyxy: Box | None = None
    positive: tuple[Point, ...] = ()
    negative: tuple[Point, ...] = ()
    present: np.ndarray | None = None


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


class GrabCutPrompter:
    """By colours and edges alone, without a network: good on boxes, weak on a single click."""

    def __call__(self, rgb: np.ndarray, prompt: Prompt, /) -> np.ndarray | None:
        """As `Prompter`. Where GrabCut misses the object of a box, its ellipse is the mask."""
        mask = prompt.present
        if prompt.box_xyxy is not None:
            mask = mask_in_box(rgb, prompt.box_xyxy)
            if mask is None:
                mask = ellipse_in_box(rgb.shape[:2], prompt.box_xyxy)
        if prompt.positive or prompt.negative:
            return mask_from_clicks(rgb, prompt.positive, prompt.negative, mask)
        return mask
