"""The objects of a label map: which can be followed, how they are numbered, one pasted in."""

import cv2
import numpy as np

from propago.data.augment import blend
from propago.types import VOID

MIN_OBJECT_PX = 40
"""An object smaller than this in the first frame of a clip is not one to follow."""


def visible_objects(labels: np.ndarray) -> list[int]:
    """The ids with at least MIN_OBJECT_PX pixels in a (H, W) uint8 label map, ascending."""
    counts = np.bincount(labels.ravel(), minlength=256)
    return [i for i in range(1, VOID) if counts[i] >= MIN_OBJECT_PX]


def number_objects(rng: np.random.Generator, labels: np.ndarray, most: int) -> np.ndarray:
    """Labels with at most `most` objects of the first frame, in random order as 1..K.

    The others become background: in the wild, too, most of what moves is not annotated.

    Args:
        rng: source of chance.
        labels: (T, H, W) uint8.
        most: largest K.
    """
    kept = rng.permutation(visible_objects(labels[0]))[:most]
    table = np.zeros(256, np.uint8)
    table[VOID] = VOID
    table[kept] = np.arange(1, len(kept) + 1)
    return table[labels]


def paste_moving(
    rng: np.random.Generator,
    onto: tuple[np.ndarray, np.ndarray],
    donor: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Paste one object of `donor` (images, labels) into a clip of the same shape.

    It keeps its own motion, plus a drift, at its own size or smaller; mostly it begins at the
    outline of an object that is there. It goes over or behind that, and is labelled as a further
    object or not at all.

    Returns:
        images (T, H, W, 3) and labels (T, H, W), both uint8, of the clip with the object in it.
    """
    images, labels = onto[0].copy(), onto[1].copy()
    seen = visible_objects(donor[1][0])
    if not seen:
        return images, labels
    cut = (donor[1] == seen[rng.integers(len(seen))]).astype(np.uint8)
    new_id = next(i for i in range(1, VOID) if not (labels == i).any()) if rng.random() < 0.8 else 0
    behind = rng.random() < 0.4
    scale = float(np.exp(rng.uniform(np.log(0.4), np.log(1.1))))
    shift_px = _beginning(rng, labels[0]) - scale * _centre(cut[0])
    drift_px = rng.normal(0, 0.015, 2) * labels.shape[:0:-1]
    for t in range(len(images)):
        dx, dy = shift_px + drift_px * t
        move = np.array([[scale, 0, dx], [0, scale, dy]])
        coverage = _moved(cut[t] * np.float32(1), move)
        if behind:
            coverage[labels[t] != 0] = 0
        alpha = cv2.GaussianBlur(coverage, (3, 3), 0.7)
        images[t] = blend(_moved(donor[0][t], move), images[t], alpha)
        labels[t][coverage > 0.5] = new_id
    return images, labels


def _moved(picture: np.ndarray, move: np.ndarray) -> np.ndarray:
    border = cv2.BORDER_CONSTANT if picture.ndim == 2 else cv2.BORDER_REPLICATE
    return cv2.warpAffine(picture, move, picture.shape[1::-1], borderMode=border)


def _centre(mask: np.ndarray) -> np.ndarray:
    """(x, y) mean place of the true pixels."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()])


def _beginning(rng: np.random.Generator, labels: np.ndarray) -> np.ndarray:
    """(x, y) in px, mostly near the outline of an object in the (H, W) `labels`."""
    height, width = labels.shape
    edge = cv2.morphologyEx(
        np.isin(labels, visible_objects(labels)).astype(np.uint8),
        cv2.MORPH_GRADIENT,
        np.ones((3, 3), np.uint8),
    )
    rows, columns = np.nonzero(edge)
    if len(rows) == 0 or rng.random() < 0.3:
        return rng.uniform(0.1, 0.9, 2) * (width, height)
    at = rng.integers(len(rows))
    return np.array([columns[at], rows[at]]) + rng.normal(0, 0.06, 2) * (width, height)
