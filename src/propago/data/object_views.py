"""Square views of pictures in which one object is meant: from close by, or from afar."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from propago.data.augment import degrade, jitter_colours
from propago.data.cutouts import instances
from propago.data.mixture import shares
from propago.data.stills import Still, read_still
from propago.errors import SourceError
from propago.types import VOID

LEAST_PX = 60
"""An object of fewer pixels in its view is no example."""

CLOSE = (1.1, 1.9)
"""Side of a close view, in parts of the longer side of the object's box."""

_CLOSE_CHANCE = 0.6
_OFF_CENTRE = 0.35
_STRETCH = 0.15
_ATTEMPTS = 50
_GREY = (124, 116, 104)


@dataclass(frozen=True)
class ObjectView:
    """One example.

    Attributes:
        image: (S, S, 3) uint8 RGB; grey beside the picture.
        truth: (S, S) uint8, 1 where the object is, 0 where not, 255 where nobody knows and beside
            the picture.
    """

    image: np.ndarray
    truth: np.ndarray


class ObjectViews:
    """Draws views of single objects, most from close by, others up to the whole picture."""

    def __init__(self, weighted: Sequence[tuple[float, Sequence[Still]]], size: int) -> None:
        """Draw views of `size` pixels a side from several sources in fixed proportions.

        Args:
            weighted: (weight, pictures) pairs; weights need not add up to 1.
            size: side of a view in pixels.

        Raises:
            UsageError: no pair, or weights that are negative or all 0.
            SourceError: a source without pictures.
        """
        self._share = shares([weight for weight, _ in weighted])
        if not all(len(stills) for _, stills in weighted):
            raise SourceError("a source of views has no picture with a mask")
        self._sources = [list(stills) for _, stills in weighted]
        self._size = size

    def sample(self, rng: np.random.Generator) -> ObjectView:
        """One view that shows at least `LEAST_PX` pixels of its object.

        Raises:
            SourceError: a picture cannot be read, or shows nothing in many attempts.
        """
        for _ in range(_ATTEMPTS):
            source = self._sources[rng.choice(len(self._sources), p=self._share)]
            image, ids = read_still(source[rng.integers(len(source))], rng)
            seen = instances(ids)
            if not seen:
                continue
            chosen = seen[rng.integers(len(seen))]
            truth = np.where(ids == VOID, VOID, ids == chosen).astype(np.uint8)
            image, truth = _seen(rng, image, truth, self._size)
            if (truth == 1).sum() >= LEAST_PX:
                image = degrade(rng, jitter_colours(rng, image[None]))[0]
                return ObjectView(image, truth)
        raise SourceError(f"no object of {LEAST_PX} px in {_ATTEMPTS} views; check the masks")


def _seen(
    rng: np.random.Generator, image: np.ndarray, truth: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """A square of the picture around its object, perhaps mirrored, a little stretched."""
    x, y, width, height = cv2.boundingRect((truth == 1).astype(np.uint8))
    longer, full = max(width, height), np.array(truth.shape[::-1])
    reach = CLOSE
    if rng.random() >= _CLOSE_CHANCE:
        reach = (CLOSE[1], max(CLOSE[1], max(full) / longer))
    side = min(longer * np.exp(rng.uniform(*np.log(reach))), max(full))
    spare = _OFF_CENTRE * max(side - longer, 0.1 * longer)
    centre = np.array([x + width / 2, y + height / 2]) + rng.uniform(-spare, spare, 2)
    centre = np.where(side < full, np.clip(centre, side / 2, full - side / 2), full / 2)
    sides = side * np.exp(rng.uniform(-_STRETCH, _STRETCH) / 2 * np.array([1, -1]))
    corners = np.round(np.stack([centre - sides / 2, centre + sides / 2])).astype(int)
    seen = view(image, truth, (*corners[0].tolist(), *corners[1].tolist()), size)
    if rng.random() < 0.5:
        return np.ascontiguousarray(seen[0][:, ::-1]), np.ascontiguousarray(seen[1][:, ::-1])
    return seen


def view(
    image: np.ndarray, truth: np.ndarray, window: tuple[int, int, int, int], size: int
) -> tuple[np.ndarray, np.ndarray]:
    """A window of a picture and of its mask, as squares of `size`.

    Args:
        image: (H, W, 3) uint8.
        truth: (H, W) uint8.
        window: x0, y0, x1, y1; it may reach beyond the picture, where it is grey and void.
        size: side in pixels.
    """
    height, width = truth.shape
    x0, y0, x1, y1 = window
    inner = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    scale = np.array([size / (x1 - x0), size / (y1 - y0)] * 2)
    left, top, right, bottom = np.round((np.array(inner) - (x0, y0, x0, y0)) * scale).astype(int)
    piece, target = np.s_[inner[1] : inner[3], inner[0] : inner[2]], (right - left, bottom - top)
    drawn = np.full((size, size, 3), _GREY, np.uint8), np.full((size, size), VOID, np.uint8)
    if min(target) > 0:
        how = cv2.INTER_AREA if scale.max() < 1 else cv2.INTER_LINEAR
        drawn[0][top:bottom, left:right] = cv2.resize(image[piece], target, interpolation=how)
        drawn[1][top:bottom, left:right] = cv2.resize(
            truth[piece], target, interpolation=cv2.INTER_NEAREST_EXACT
        )
    return drawn
