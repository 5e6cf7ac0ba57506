"""Instances of a still image: which to take, cut out, cut in two, the hole filled."""

import cv2
import numpy as np

from propago.data.augment import blend
from propago.types import VOID

SMALLEST_SHARE = 0.003
"""An instance that covers less of its image is a speck, and left out."""

_FILL_PX = 96


def instances(ids: np.ndarray) -> list[int]:
    """Instances in an (H, W) uint8 map of ids that are no specks."""
    counts = np.bincount(ids.ravel(), minlength=256)
    return [i for i in range(1, VOID) if counts[i] >= SMALLEST_SHARE * ids.size]


def choose(rng: np.random.Generator, ids: np.ndarray, most: int) -> list[int]:
    """At most `most` instances: mostly a random one and those next to it, else any."""
    there = rng.permutation(instances(ids)).tolist()
    if not there or rng.random() < 0.3:
        return there[:most]
    away = cv2.distanceTransform((ids != there[0]).astype(np.uint8), cv2.DIST_L2, 3)
    return sorted(there, key=lambda i: float(away[ids == i].min()))[:most]


def split(rng: np.random.Generator, ids: np.ndarray, whole: int) -> np.ndarray:
    """A copy of `ids` in which a line through the instance `whole` makes two of it."""
    rows, columns = np.nonzero(ids == whole)
    angle_rad = rng.uniform(0, np.pi)
    along = np.cos(angle_rad) * columns + np.sin(angle_rad) * rows
    beyond = along > np.quantile(along, rng.uniform(0.25, 0.75))
    parts = ids.copy()
    parts[rows[beyond], columns[beyond]] = next(i for i in range(1, VOID) if not (ids == i).any())
    return parts


def cut_out(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The object's box as (h, w, 4) with a soft, closed outline, and its centre (x, y)."""
    x, y, w, h = cv2.boundingRect(mask)
    box = np.s_[y : y + h, x : x + w]
    coverage = np.pad(mask[box] * np.uint8(255), 3)
    coverage = cv2.GaussianBlur(coverage, (0, 0), 0.8)
    coverage[[0, -1]] = 0
    coverage[:, [0, -1]] = 0
    colour = np.pad(image[box], ((3, 3), (3, 3), (0, 0)), mode="edge")
    centre_px = np.array([x + (w - 1) / 2, y + (h - 1) / 2])
    return np.dstack([colour, coverage]), centre_px


def filled(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The image with a hole filled from its rim, computed small and blended in."""
    if not hole.any() or hole.all():
        return image
    h, w = hole.shape
    scale = _FILL_PX / max(h, w)
    small = (max(round(w * scale), 1), max(round(h * scale), 1))
    wide = cv2.dilate(hole, np.ones((7, 7), np.uint8))
    low_hole = (cv2.resize(wide * 255, small, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    low = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    filled = cv2.resize(cv2.inpaint(low, low_hole, 2, cv2.INPAINT_TELEA), (w, h))
    return blend(filled, image, cv2.GaussianBlur(wide.astype(np.float32), (0, 0), 1.5))
