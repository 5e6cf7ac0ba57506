"""From clicks on an object, and the mask it has so far, to a better mask, by GrabCut."""

from collections.abc import Sequence

import cv2
import numpy as np

from propago.ops.box_mask import WORK_PX, mask_in_box
from propago.prompts import Point

SEED_SHARE = 0.012
"""Radius of what a click says surely, in parts of the picture's diagonal."""

FIRST_SHARES = (0.5, 0.35, 0.2)
"""Sides of the squares searched around a first click, in parts of the picture's shorter side; the
first in which something is found counts."""

_LEAST_DISCS = 2.0

_ROUNDS = 2


def mask_from_clicks(
    rgb: np.ndarray,
    positive: Sequence[Point],
    negative: Sequence[Point] = (),
    present: np.ndarray | None = None,
) -> np.ndarray | None:
    """The object that clicks lie on.

    Without a mask so far, the surroundings of the first click are cut like a box. With one, only
    what a click lies in is changed: parts are added that hold a positive click, and taken away
    that hold a negative one. The result depends on the arguments alone.

    Args:
        rgb: (H, W, 3) uint8 picture.
        positive: clicks on the object, inside the picture.
        negative: clicks beside it, inside the picture.
        present: (H, W) bool, what it is so far; None or empty where it has no mask.

    Returns:
        (H, W) bool; None where nothing is found.

    Source: ours, on Rother et al., "GrabCut", SIGGRAPH 2004, in OpenCV's implementation.
    """
    if present is None or not present.any():
        if not positive:
            return None
        present = _around_click(rgb, positive[0])
        positive = positive[1:]
        if not positive and not negative:
            return present if present.any() else None
    changed = _corrected(rgb, positive, negative, present)
    return changed if changed.any() else None


def _around_click(rgb: np.ndarray, click: Point) -> np.ndarray:
    """(H, W) bool: what GrabCut finds around a click, the part that holds it; at least a disc."""
    height, width = rgb.shape[:2]
    seed, (x, y) = discs((height, width), [click]), click
    for share in FIRST_SHARES:
        half = share * min(height, width) / 2
        box = (max(x - half, 0), max(y - half, 0), min(x + half, width), min(y + half, height))
        found = mask_in_box(rgb, box)
        part = seed if found is None else parts_with(found | seed, [click])
        if part.sum() > _LEAST_DISCS * seed.sum():
            return part
    return seed


def _corrected(
    rgb: np.ndarray, positive: Sequence[Point], negative: Sequence[Point], present: np.ndarray
) -> np.ndarray:
    """The present mask with the parts that the clicks name added and taken away."""
    sure, against = discs(present.shape, positive), discs(present.shape, negative)
    around = _surroundings(present | sure | against)
    crop, inside = cv2.cvtColor(rgb[around], cv2.COLOR_RGB2BGR), present[around]
    scale = min(1.0, WORK_PX / max(inside.shape))
    small = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    trimap = np.where(_shrunk(inside, small), cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    trimap[_shrunk(sure[around], small)] = cv2.GC_FGD
    trimap[_shrunk(against[around], small)] = cv2.GC_BGD
    cut = _cut(small, trimap).astype(np.uint8)
    cut = cv2.resize(cut, inside.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    found = present.copy()
    found[around] = cut
    more = parts_with(found & ~present | sure, positive)
    fewer = parts_with(present & ~found | against, negative)
    return (present | more) & ~fewer & ~against


def _cut(bgr: np.ndarray, trimap: np.ndarray) -> np.ndarray:
    """(H, W) bool: GrabCut from a trimap; as it stands where one of its sides is empty."""
    on = np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if not on.any() or on.all():
        return on
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(bgr, trimap, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)  # pyright: ignore
    return np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _shrunk(mask: np.ndarray, like: np.ndarray) -> np.ndarray:
    size = (like.shape[1], like.shape[0])
    return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


def _surroundings(region: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a region with a margin of a third of its longer side."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    margin = max(rows[-1] - rows[0], columns[-1] - columns[0]) // 3 + 16
    height, width = region.shape
    return (
        slice(max(rows[0] - margin, 0), min(rows[-1] + margin + 1, height)),
        slice(max(columns[0] - margin, 0), min(columns[-1] + margin + 1, width)),
    )


def discs(size: tuple[int, ...], clicks: Sequence[Point], share: float = SEED_SHARE) -> np.ndarray:
    """(H, W) bool: what clicks say surely, with radii of `share` of the diagonal, at least 2 px."""
    drawn = np.zeros(size, np.uint8)
    radius = max(round(share * float(np.hypot(size[0], size[1]))), 2)
    for x, y in clicks:
        cv2.circle(drawn, (int(x), int(y)), radius, 1, -1)
    return drawn > 0


def parts_with(region: np.ndarray, clicks: Sequence[Point]) -> np.ndarray:
    """The connected parts of a region that clicks lie in."""
    _, parts = cv2.connectedComponents(region.astype(np.uint8), connectivity=4)
    named = {int(parts[int(y), int(x)]) for x, y in clicks} - {0}
    return np.isin(parts, sorted(named))
