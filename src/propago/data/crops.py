"""Crops around one object each, with its mask and a coarse version of it.

The coarse version is made from the true mask, or is what a method said of that frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from propago.data.augment import degrade, jitter_colours
from propago.data.coarse import draw_coarse
from propago.data.cutouts import instances
from propago.data.mixture import shares
from propago.data.stills import Still, read_still
from propago.errors import SourceError
from propago.ops.resize import enlargement
from propago.types import VOID

COVER_PX = 192
"""Where the spatial propagation network enlarges, if nothing else is asked of it."""

LEAST_PX = 100
"""An object of fewer pixels in its crop is no example."""

LEAST_OVERLAP = 0.5
"""A soft mask that agrees less with the truth of a crop is of something else than its object."""

_ATTEMPTS = 50
_HARD_CHANCE = 0.3


@dataclass(frozen=True)
class Crop:
    """One example.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        coarse: (S, S) float32 in [0, 1], what a predictor might say.
        truth: (S, S) uint8, 1 where the object is, 0 where not, 255 where nobody knows.
    """

    image: np.ndarray
    coarse: np.ndarray
    truth: np.ndarray


class ObjectCrops:
    """Draws crops of pictures with instance masks, at about the scale of the picture itself.

    Small objects are drawn smaller, and the crop with its coarse mask is enlarged afterwards, as it
    is when the network runs.
    """

    def __init__(
        self,
        weighted: Sequence[tuple[float, Sequence[Still]]],
        *,
        size: int,
        cover_px: int = COVER_PX,
        augmented: bool = True,
    ) -> None:
        """Draw from several sources in fixed proportions.

        Args:
            weighted: (weight, pictures) pairs; weights need not add up to 1.
            size: side of a crop in pixels.
            cover_px: objects whose box has fewer pixels than this squared are enlarged.
            augmented: mirror, recolour, add noise; without, scale and colours are the picture's.

        Raises:
            UsageError: no pair, or weights that are negative or all 0.
            SourceError: a source without pictures.
        """
        self._share = shares([weight for weight, _ in weighted])
        if not all(len(stills) for _, stills in weighted):
            raise SourceError("a source of crops has no picture with a mask")
        self._sources = [list(stills) for _, stills in weighted]
        self._size, self._cover_px, self._augmented = size, cover_px, augmented

    def sample(self, rng: np.random.Generator) -> Crop:
        """One crop that shows at least `LEAST_PX` pixels of its object.

        Raises:
            SourceError: a picture cannot be read, or shows nothing in many attempts.
        """
        for _ in range(_ATTEMPTS):
            source = self._sources[rng.choice(len(self._sources), p=self._share)]
            crop = self._tried(rng, source[rng.integers(len(source))])
            if crop is not None:
                return crop
        raise SourceError(f"no object of {LEAST_PX} px in {_ATTEMPTS} crops; check the masks")

    def _tried(self, rng: np.random.Generator, still: Still) -> Crop | None:
        """A crop of one object; None where it shows too little, or a method said another."""
        image, ids = read_still(still, rng)
        seen = instances(ids)
        if not seen:
            return None
        chosen = seen[rng.integers(len(seen))]
        planes = [image, _plane(ids, chosen)]
        if still.read_soft:
            soft = still.read_soft()
            if chosen not in soft.ids:
                return None
            planes.append(soft.probabilities[soft.ids.index(chosen)].numpy(force=True))
        image, truth, *soft = self._cut(rng, planes)
        if (truth == 1).sum() < LEAST_PX:
            return None
        coarse = _as_given(rng, soft[0]) if soft else draw_coarse(rng, _binary(truth))
        if soft and _overlap(coarse > 0.5, truth) < LEAST_OVERLAP:
            return None
        if self._augmented:
            image = degrade(rng, jitter_colours(rng, image[None]))[0]
        return self._enlarged(image, coarse, truth)

    def _cut(self, rng: np.random.Generator, planes: list[np.ndarray]) -> list[np.ndarray]:
        """One square of every plane around a random pixel of the object, perhaps mirrored.

        Args:
            rng: source of chance.
            planes: the picture, the object's mask (1; 255 void), and where known its soft mask.

        Returns:
            The squares, smaller than a crop by as much as small objects are enlarged.
        """
        size = planes[1].shape
        scale = np.exp(rng.uniform(np.log(0.6), np.log(1.5))) if self._augmented else 1.0
        rows, columns = np.nonzero(planes[1] == 1)
        if not len(rows):
            return [plane[:0] for plane in planes]
        box = (int(scale * np.ptp(rows)), int(scale * np.ptp(columns)))
        drawn = round(self._size / enlargement(box, self._cover_px))
        side = min(round(drawn / scale), *size)
        near = rng.integers(len(rows))
        away = rng.uniform(-0.65, -0.35, 2) * side
        start = np.array([rows[near], columns[near]]) + away
        top, left = np.clip(start, 0, np.array(size) - side).astype(int)
        square = np.s_[top : top + side, left : left + side]
        mirrored = self._augmented and rng.random() < 0.5
        kept = [_resized(plane[square], drawn, n == 1) for n, plane in enumerate(planes)]
        return [np.ascontiguousarray(plane[:, ::-1]) if mirrored else plane for plane in kept]

    def _enlarged(self, image: np.ndarray, coarse: np.ndarray, truth: np.ndarray) -> Crop:
        """A crop of the full size; its coarse mask keeps the steps of its pixels."""
        size = (self._size, self._size)
        return Crop(
            _resized(image, self._size, False),
            cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST_EXACT),
            _resized(truth, self._size, True),
        )


def _resized(plane: np.ndarray, side: int, labels: bool) -> np.ndarray:
    """`plane` as a square; `labels` stay what they are."""
    if len(plane) == side:
        return plane
    size = (side, side)
    how = cv2.INTER_AREA if len(plane) > side else cv2.INTER_LINEAR
    if not labels:
        return cv2.resize(plane, size, interpolation=how)
    mask = cv2.resize((plane == 1).astype(np.float32), size, interpolation=how)
    void = (plane == VOID).astype(np.uint8)
    void = cv2.resize(void, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.where(void > 0, VOID, mask > 0.5).astype(np.uint8)


def _plane(ids: np.ndarray, chosen: int) -> np.ndarray:
    """(H, W) uint8: 1 on the chosen object, 255 where nobody knows."""
    return np.where(ids == VOID, VOID, ids == chosen).astype(np.uint8)


def _binary(truth: np.ndarray) -> np.ndarray:
    return (truth == 1).astype(np.uint8)


def _as_given(rng: np.random.Generator, soft: np.ndarray) -> np.ndarray:
    """Soft masks as they are; now and then what a label map of them says."""
    return (soft > 0.5).astype(np.float32) if rng.random() < _HARD_CHANCE else soft


def _overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union where the truth is known."""
    known, true = truth != VOID, truth == 1
    return float((mask & true).sum() / max(((mask | true) & known).sum(), 1))
