"""Where a predicted label map departs from the true one, drawn over the picture."""

import cv2
import numpy as np

MISSED, INVENTED, CONFUSED = "#ffb000", "#22c7e8", "#ff3d9a"
"""Object that was not predicted, prediction where there is none, another object's id."""


def draw_difference(rgb: np.ndarray, gt: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """The picture in dim grey, objects found right in lighter grey, errors in three colours.

    Args:
        rgb: (H, W, 3) uint8.
        gt: (H, W) true ids, 0 background; pixels that do not count are equal in both maps.
        pred: (H, W) predicted ids by the same names.

    Returns:
        (H, W, 3) uint8, a new array.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    tone = np.where((gt == pred) & (gt > 0), 110 + 0.5 * grey, 20 + 0.35 * grey)
    drawn = np.repeat(tone.astype(np.uint8)[..., None], 3, axis=2)
    wrong = gt != pred
    drawn[wrong & (pred == 0)] = _rgb(MISSED)
    drawn[wrong & (gt == 0)] = _rgb(INVENTED)
    drawn[wrong & (gt > 0) & (pred > 0)] = _rgb(CONFUSED)
    return drawn


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))
