"""Prompts as planes of a picture's size, which is how the network sees them."""

from collections.abc import Sequence

import cv2
import numpy as np

from propago.prompts import Point, Prompt

PLANES = 4
"""Clicks on the object, clicks beside it, the box, the mask before."""

DISC_PX = 5
"""Radius of what a click marks, on the pictures that the network sees."""


def prompt_maps(prompt: Prompt, previous: np.ndarray) -> np.ndarray:
    """(4, H, W) float32 in [0, 1]: discs of the clicks, the filled box, the mask before.

    Args:
        prompt: in pixels of these maps; `present` is not drawn.
        previous: (H, W) float32 probabilities, what the network said before; 0 where nothing.

    Source: Sofiiuk, Petrov, Konushin, "Reviving Iterative Training with Mask Guidance for
    Interactive Segmentation", 2021: discs of radius 5, and the mask before. The box is ours.
    """
    maps = np.zeros((PLANES, *previous.shape), np.float32)
    maps[0] = _discs(previous.shape, prompt.positive)
    maps[1] = _discs(previous.shape, prompt.negative)
    if prompt.box_xyxy is not None:
        x0, y0, x1, y1 = (round(side) for side in prompt.box_xyxy)
        maps[2, max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = 1
    maps[3] = previous
    return maps


def _discs(shape: tuple[int, ...], clicks: Sequence[Point]) -> np.ndarray:
    plane = np.zeros(shape, np.float32)
    for x, y in clicks:
        cv2.circle(plane, (int(x), int(y)), DISC_PX, 1.0, -1)
    return plane
