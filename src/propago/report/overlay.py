"""Masks drawn over pictures: tinted areas with crisp outlines, one colour an id."""

import cv2
import numpy as np

from propago.conventions import VOID
from propago.io.masks import DAVIS_PALETTE

PALETTE = np.frombuffer(DAVIS_PALETTE, np.uint8).reshape(256, 3)
VIVID = np.rint(255 * (PALETTE / 255) ** 0.35).astype(np.uint8)
"""The palette's colours, brightened so that they show on dark pictures."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def draw_overlay(
    rgb: np.ndarray, labels: np.ndarray, opacity: float = 0.45, palette: np.ndarray = VIVID
) -> np.ndarray:
    """The picture with every object tinted in its colour and outlined, with a dark line inside.

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
    cv2.copyTo(colours // 5, _outline(index, 3), region)
    cv2.copyTo(colours, _outline(index, 2), region)
    return drawn


def draw_ids(drawn: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Write each object's id above it; `drawn` (H, W, 3) uint8 is changed and returned.

    Args:
        drawn: what `draw_overlay` made.
        labels: (H, W) uint8 or uint16; 255 in uint8 is void and not an object.
    """
    ids = np.flatnonzero(np.bincount(labels.ravel()))
    for object_id in ids[ids > 0]:
        if object_id != VOID or labels.dtype != np.uint8:
            x, y, width, height = cv2.boundingRect((labels == object_id).view(np.uint8))
            write_caption(drawn, str(object_id), (x, y, x + width, y + height))
    return drawn


def write_caption(drawn: np.ndarray, text: str, box: tuple[int, int, int, int]) -> None:
    """White on black above a box (x0, y0, x1, y1), or inside where there is no room."""
    height, width = drawn.shape[:2]
    scale = max(height / 1200, 0.35)
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    x = int(np.clip(box[0], 0, max(width - text_width, 0)))
    y = box[1] - 3 if box[1] - 3 >= text_height else box[1] + text_height + 3
    for colour, thickness in ((_BLACK, 3), (_WHITE, 1)):
        cv2.putText(drawn, text, (x, y), _FONT, scale, colour, thickness, cv2.LINE_AA)


def _palette_index(labels: np.ndarray) -> np.ndarray:
    """Labels as uint8, with ids above 255 folded onto 1 to 255."""
    if labels.dtype == np.uint8:
        return np.ascontiguousarray(labels)
    return np.where(labels == 0, 0, (labels - 1) % 255 + 1).astype(np.uint8)


def _outline(index: np.ndarray, deep_px: int) -> np.ndarray:
    """uint8 mask, not 0 at the object pixels that touch another label, some pixels deep."""
    square = np.ones((2 * deep_px + 1, 2 * deep_px + 1), np.uint8)
    edges = cv2.compare(cv2.erode(index, square), cv2.dilate(index, square), cv2.CMP_NE)
    return cv2.bitwise_and(edges, index)
