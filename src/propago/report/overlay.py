"""Masks drawn over pictures: tinted areas with crisp outlines, one colour an id."""

import cv2
import numpy as np

from propago.io.masks import DAVIS_PALETTE

PALETTE = np.frombuffer(DAVIS_PALETTE, np.uint8).reshape(256, 3)
VIVID = np.rint(255 * (PALETTE / 255) ** 0.35).astype(np.uint8)
"""The palette's colours, brightened so that they show on dark pictures."""


def draw_overlay(
    rgb: np.ndarray, labels: np.ndarray, opacity: float = 0.45, palette: np.ndarray = VIVID
) -> np.ndarray:
    """The picture with every object tinted in its colour and outlined.

    Args:
        rgb: (H, W, 3) uint8.
        labels: (H, W) uint8 or uint16; 0 is left as it is. Ids above 255 repeat the colours.
        opacity: share of the colour inside an object, 0 to 1.
        palette: (256, 3) uint8 RGB, the colour of each id.

    Returns:
        (H, W, 3) uint8, a new array.
    """
    index = _palette_index(labels)
    drawn = rgb.copy()
    objects = (index > 0).view(np.uint8)
    x, y, width, height = cv2.boundingRect(objects)
    if width == 0:
        return drawn
    inside = np.s_[max(y - 2, 0) : y + height + 2, max(x - 2, 0) : x + width + 2]
    index, objects, region = index[inside], objects[inside], drawn[inside]
    colours = cv2.LUT(cv2.merge([index] * 3), palette[None])
    tinted = cv2.addWeighted(region, 1 - opacity, colours, opacity, 0)
    cv2.copyTo(tinted, objects, region)
    cv2.copyTo(colours, _outline(index), region)
    return drawn


def _palette_index(labels: np.ndarray) -> np.ndarray:
    """Labels as uint8, with ids above 255 folded onto 1 to 255."""
    if labels.dtype == np.uint8:
        return np.ascontiguousarray(labels)
    return np.where(labels == 0, 0, (labels - 1) % 255 + 1).astype(np.uint8)


def _outline(index: np.ndarray) -> np.ndarray:
    """uint8 mask, not 0 at the object pixels that touch another label, two pixels deep."""
    square = np.ones((5, 5), np.uint8)
    edges = cv2.compare(cv2.erode(index, square), cv2.dilate(index, square), cv2.CMP_NE)
    return cv2.bitwise_and(edges, index)
