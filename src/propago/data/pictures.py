"""Pieces of still pictures with all their objects, as clips of one frame."""

from collections.abc import Sequence

import cv2
import numpy as np

from propago.data.augment import degrade, jitter_colours
from propago.data.clips import Clip
from propago.data.objects import MIN_OBJECT_PX
from propago.data.stills import Still, read_still
from propago.errors import SourceError
from propago.types import VOID

_ATTEMPTS = 50
_SMALLEST_PIECE = 0.55
_STRETCH = 0.1


class StillPictures:
    """Draws scaled, mirrored, recoloured pieces that hold most of a picture: clips of T = 1."""

    def __init__(
        self,
        stills: Sequence[Still],
        *,
        size: tuple[int, int],
        least_share: float = 0.0,
    ) -> None:
        """Draw from `stills`, whose files are read when they are needed.

        Args:
            stills: pictures with masks.
            size: (H, W) of a piece in pixels.
            least_share: of its picture; an instance that covers less is void: it is no foreground
                that anyone would ask for, and no background either.

        Raises:
            SourceError: `stills` is empty.
        """
        if not stills:
            raise SourceError("stills: at least one picture with a mask is needed, none came")
        self._stills, self._size, self._least_share = list(stills), size, least_share

    def sample(self, rng: np.random.Generator) -> Clip:
        """One piece that shows at least `MIN_OBJECT_PX` pixels of objects.

        Raises:
            SourceError: a picture cannot be read, or none shows an object in many attempts.
        """
        for _ in range(_ATTEMPTS):
            image, ids = read_still(self._stills[rng.integers(len(self._stills))], rng)
            box = draw_piece(rng, ids.shape, self._size)
            labels = _without_specks(ids, self._least_share)[box]
            labels = cv2.resize(labels, self._size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
            if ((labels > 0) & (labels != VOID)).sum() < MIN_OBJECT_PX:
                continue
            how = cv2.INTER_AREA if len(image[box]) > self._size[0] else cv2.INTER_LINEAR
            image = cv2.resize(image[box], self._size[::-1], interpolation=how)
            if rng.random() < 0.5:
                image, labels = image[:, ::-1], labels[:, ::-1]
            images = degrade(rng, jitter_colours(rng, np.ascontiguousarray(image)[None]))
            return Clip(images, np.ascontiguousarray(labels)[None])
        raise SourceError(
            f"no object of {MIN_OBJECT_PX} px in {_ATTEMPTS} pieces of pictures; check the masks"
        )


def draw_piece(
    rng: np.random.Generator, full: tuple[int, ...], size: tuple[int, int]
) -> tuple[slice, slice]:
    """Rows and columns of a piece of a picture, anywhere in it.

    Args:
        rng: source of chance.
        full: (H, W) of the picture.
        size: (H, W) whose shape the piece has, up to 10 % of stretch.

    Returns:
        Slices; the piece is 55 to 100 % as large, in each direction, as the largest that fits.
    """
    share = np.exp(rng.uniform(np.log(_SMALLEST_PIECE), 0))
    stretch = np.exp(rng.uniform(-_STRETCH, _STRETCH) / 2 * np.array([1, -1]))
    shape = np.array(size) * stretch
    sides = np.maximum(np.round(shape * share * min(np.array(full) / shape)).astype(int), 1)
    starts = rng.integers(0, np.array(full) - sides + 1)
    top, left = starts.tolist()
    height, width = sides.tolist()
    return slice(top, top + height), slice(left, left + width)


def _without_specks(ids: np.ndarray, least_share: float) -> np.ndarray:
    """(H, W) uint8 ids in which small instances are void."""
    counts = np.bincount(ids.ravel(), minlength=VOID + 1)
    small = counts < least_share * ids.size
    small[0] = False
    return np.where(small[ids], VOID, ids).astype(np.uint8)
