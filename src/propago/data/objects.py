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

    It keeps its own motion, plus a drift; it goes over or behind what is there, and is labelled
    as a further object or not at all.

    Returns:
        images (T, H, W, 3) and labels (T, H, W), both uint8, of the clip with the object in it.
    """
    images, labels = onto[0].copy(), onto[1].copy()
    seen = visible_objects(donor[1][0])
    if not seen:
        return images, labels
    cut = (donor[1] == seen[rng.integers(len(seen))]).astype(np.uint8)
    h, w = labels.shape[1:]
    new_id = next(i for i in range(1, VOID) if not (labels == i).any()) if rng.random() < 0.7 else 0
    behind = rng.random() < 0.35
    start_px = rng.uniform(-0.3, 0.3, 2) * (w, h)
    drift_px = rng.normal(0, 0.015, 2) * (w, h)
    for t in range(len(images)):
        dx, dy = np.round(start_px + drift_px * t).astype(int)
        shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        mask = cv2.warpAffine(cut[t], shift, (w, h), flags=cv2.INTER_NEAREST)
        if behind:
            mask[labels[t] != 0] = 0
        alpha = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0.7)
        moved = cv2.warpAffine(donor[0][t], shift, (w, h), borderMode=cv2.BORDER_REPLICATE)
        images[t] = blend(moved, images[t], alpha)
        labels[t][mask != 0] = new_id
    return images, labels
