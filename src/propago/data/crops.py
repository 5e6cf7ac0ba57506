"""Crops around one object each, with its mask and a coarse version of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from propago.data.augment import degrade, jitter_colours
from propago.data.coarse import draw_coarse
from propago.data.cutouts import instances
from propago.data.stills import IndexedMask, Still, read_still
from propago.errors import SourceError, UsageError
from propago.io.davis import davis_annotations, open_davis
from propago.io.stills import stills_in
from propago.types import VOID

LEAST_PX = 100
"""An object of fewer pixels in its crop is no example."""

_ATTEMPTS = 50


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
    """Draws crops of pictures with instance masks, at about the scale of the picture itself."""

    def __init__(
        self,
        weighted: Sequence[tuple[float, Sequence[Still]]],
        *,
        size: int,
        augmented: bool = True,
    ) -> None:
        """Draw from several sources in fixed proportions.

        Args:
            weighted: (weight, pictures) pairs; weights need not add up to 1.
            size: side of a crop in pixels.
            augmented: mirror, recolour, add noise; without, scale and colours are the picture's.

        Raises:
            UsageError: no pair, or weights that are negative or all 0.
            SourceError: a source without pictures.
        """
        weights = np.array([weight for weight, _ in weighted], float)
        if len(weights) == 0 or weights.min() < 0 or weights.sum() <= 0:
            raise UsageError(
                f"a mixture needs weights >= 0 that do not all vanish; these are {weights.tolist()}"
            )
        if not all(len(stills) for _, stills in weighted):
            raise SourceError("a source of crops has no picture with a mask")
        self._share = weights / weights.sum()
        self._sources = [list(stills) for _, stills in weighted]
        self._size, self._augmented = size, augmented

    def sample(self, rng: np.random.Generator) -> Crop:
        """One crop that shows at least `LEAST_PX` pixels of its object.

        Raises:
            SourceError: a picture cannot be read, or shows nothing in many attempts.
        """
        for _ in range(_ATTEMPTS):
            stills = self._sources[rng.choice(len(self._sources), p=self._share)]
            image, ids = read_still(stills[rng.integers(len(stills))])
            seen = instances(ids)
            if not seen:
                continue
            chosen = seen[rng.integers(len(seen))]
            image, truth = self._cut(rng, image, ids, chosen)
            if (truth == 1).sum() >= LEAST_PX:
                if self._augmented:
                    image = degrade(rng, jitter_colours(rng, image[None]))[0]
                coarse = draw_coarse(rng, (truth == 1).astype(np.uint8))
                return Crop(image, coarse, truth)
        raise SourceError(f"no object of {LEAST_PX} px in {_ATTEMPTS} crops; check the masks")

    def _cut(
        self, rng: np.random.Generator, image: np.ndarray, ids: np.ndarray, chosen: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """A square around a random pixel of the object, resized, perhaps mirrored."""
        scale = np.exp(rng.uniform(np.log(0.6), np.log(1.5))) if self._augmented else 1.0
        side = min(round(self._size / scale), *ids.shape)
        rows, columns = np.nonzero(ids == chosen)
        near = rng.integers(len(rows))
        away = rng.uniform(-0.65, -0.35, 2) * side
        start = np.array([rows[near], columns[near]]) + away
        top, left = np.clip(start, 0, np.array(ids.shape) - side).astype(int)
        box = np.s_[top : top + side, left : left + side]
        size = (self._size, self._size)
        how = cv2.INTER_AREA if side > self._size else cv2.INTER_LINEAR
        image = cv2.resize(image[box], size, interpolation=how)
        mask = cv2.resize((ids[box] == chosen).astype(np.float32), size, interpolation=how)
        void = (ids[box] == VOID).astype(np.uint8)
        void = cv2.resize(void, size, interpolation=cv2.INTER_NEAREST_EXACT)
        truth = np.where(void > 0, VOID, mask > 0.5).astype(np.uint8)
        if self._augmented and rng.random() < 0.5:
            image, truth = (
                np.ascontiguousarray(image[:, ::-1]),
                np.ascontiguousarray(truth[:, ::-1]),
            )
        return image, truth


def stills_of_davis(root: Path, set_name: str) -> list[Still]:
    """Every frame of the sequences of a set, with its annotation.

    Raises:
        SourceError: no DAVIS root or no such set.
    """
    return [
        Still(image, IndexedMask(davis_annotations(root, source.name) / f"{image.stem}.png"))
        for source in open_davis(root, Path(set_name))
        for image in stills_in(source.path)
    ]
