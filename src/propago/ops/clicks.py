"""Where a person would click next: what trains and measures networks that are clicked at."""

from typing import NamedTuple

import cv2
import numpy as np

from propago.types import VOID

_INNER = 0.4
"""A random click lies at least this share of the greatest distance away from the outline."""


class Click(NamedTuple):
    """One click.

    Attributes:
        x: in pixels.
        y: in pixels.
        positive: on the object; else beside it.
    """

    x: float
    y: float
    positive: bool


def next_click(
    mask: np.ndarray, truth: np.ndarray, rng: np.random.Generator | None = None
) -> Click | None:
    """A click in the largest connected region in which a mask is wrong.

    Args:
        mask: (H, W) bool, the answer so far; of an empty one the click is in the object.
        truth: (H, W) uint8: 1 the object, 255 where nobody knows.
        rng: draws a place well inside the region; None takes its middle, the pixel farthest from
            its outline.

    Returns:
        None where the mask is right.

    Source: Sofiiuk, Petrov, Konushin, "Reviving Iterative Training with Mask Guidance for
    Interactive Segmentation", 2021, section 3; the region by its area as in Caelles et al., "The
    2018 DAVIS Challenge on Video Object Segmentation".
    """
    on = truth == 1
    missed = _largest_part(on & ~mask)
    extra = _largest_part(~on & mask & (truth != VOID))
    positive = bool(np.count_nonzero(missed) >= np.count_nonzero(extra))
    region = missed if positive else extra
    if not region.any():
        return None
    inside = np.pad(region.astype(np.uint8), 1)
    away = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    if rng is None:
        row, column = np.unravel_index(away.argmax(), away.shape)
    else:
        rows, columns = np.nonzero(away >= max(_INNER * away.max(), 1e-3))
        at = rng.integers(len(rows))
        row, column = rows[at], columns[at]
    return Click(float(column) + 0.5, float(row) + 0.5, positive)


def _largest_part(region: np.ndarray) -> np.ndarray:
    """The connected part of an (H, W) bool region that has most pixels."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), None, None)
    if count < 2:
        return region
    return parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
