"""Pictures with their instances and the classes of these: what detectors learn from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from propago.data.augment import degrade, jitter_colours
from propago.data.stills import read_pair
from propago.errors import SourceError
from propago.types import VOID

UNKNOWN = np.iinfo(np.uint16).max
"""In a map of ids: nobody knows what is there."""

LEAST_PX = 20
"""Of an instance; a smaller one is unknown."""

SHORT_PX = (230, 430)
"""How long the short side of a whole picture is, at the scale that its piece is cut out at."""

_GREY = (124, 116, 104)
_ATTEMPTS = 20


@dataclass(frozen=True)
class InstanceStill:
    """An image file, its instances and their classes.

    Attributes:
        image: a colour image file.
        read_ids: returns (H, W) uint8 or uint16: 0 background, instances; 255 of uint8 and
            `UNKNOWN` of uint16 where nobody knows.
        classes: category of each id; of every one where it is a number.
        labelled: categories of which every instance in the picture has an id; None: all.
        stretch: width over height is changed by up to this, as a natural logarithm.
        sequence: pictures of one sequence show the same instances under the same ids; those of
            none show their own.
    """

    image: Path
    read_ids: Callable[[], np.ndarray]
    classes: Mapping[int, int] | int
    labelled: frozenset[int] | None = None
    stretch: float = 0.0
    sequence: str = ""

    def class_of(self, instance: int) -> int:
        """The category of an id."""
        return self.classes if isinstance(self.classes, int) else self.classes[instance]

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """The picture (H, W, 3) uint8 RGB and its ids (H, W) uint16.

        Raises:
            SourceError: the picture is unreadable, or of another size than its mask.
        """
        image, ids = read_pair(self.image, self.read_ids)
        if ids.dtype == np.uint8:
            ids = np.where(ids == VOID, UNKNOWN, ids.astype(np.uint16))
        return image, ids


@dataclass(frozen=True)
class InstanceExample:
    """One piece of a picture.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        ids: (H, W) int16: 0 background, n of instance n - 1, -1 where nobody knows.
        boxes_xyxy: (N, 4) float32.
        classes: (N,) int64 categories.
        instances: (N,) int64, the id of each in its file.
        labelled: as of `InstanceStill`.
    """

    image: np.ndarray
    ids: np.ndarray
    boxes_xyxy: np.ndarray
    classes: np.ndarray
    instances: np.ndarray
    labelled: frozenset[int] | None


class InstancePieces:
    """Draws scaled, mirrored, recoloured pieces of pictures, mostly around an instance."""

    def __init__(self, stills: Sequence[InstanceStill], size: tuple[int, int]) -> None:
        """Draw pieces of `size` (H, W).

        Raises:
            SourceError: `stills` is empty.
        """
        if not stills:
            raise SourceError("instances: at least one picture with a mask is needed, none came")
        self._stills, self._size = list(stills), size

    def sample(self, rng: np.random.Generator) -> InstanceExample:
        """One piece; with an instance, unless many attempts find none.

        Raises:
            SourceError: a picture cannot be read.
        """
        for _ in range(_ATTEMPTS):
            still = self._stills[rng.integers(len(self._stills))]
            image, ids = piece(rng, *still.read(), self._size, still.stretch)
            example = example_of(image, ids, still)
            if len(example.classes):
                break
        return recoloured(rng, example)


def recoloured(rng: np.random.Generator, example: InstanceExample) -> InstanceExample:
    """The same in other colours, as another camera would give it."""
    return replace(example, image=degrade(rng, jitter_colours(rng, example.image[None]))[0])


def piece(
    rng: np.random.Generator,
    image: np.ndarray,
    ids: np.ndarray,
    size: tuple[int, int],
    stretch: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """A piece of `size` (H, W) of a scaled picture and its ids; grey and 0 beside the picture."""
    scale = np.exp(rng.uniform(*np.log(SHORT_PX))) / min(ids.shape)
    ratio = np.exp(rng.uniform(-1, 1) * (0.1 + stretch) / 2)
    height, width = (max(round(n * scale), 1) for n in np.array(ids.shape) * (1 / ratio, ratio))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(image, (width, height), interpolation=how)
    ids = cv2.resize(ids, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    top, left = _corner(rng, ids, size)
    cut = np.s_[max(top, 0) : top + size[0], max(left, 0) : left + size[1]]
    out = np.full((*size, 3), _GREY, np.uint8), np.zeros(size, np.uint16)
    for whole, plane in zip(out, (image[cut], ids[cut]), strict=True):
        at = max(-top, 0), max(-left, 0)
        whole[at[0] : at[0] + plane.shape[0], at[1] : at[1] + plane.shape[1]] = plane
    if rng.random() < 0.5:
        return np.ascontiguousarray(out[0][:, ::-1]), np.ascontiguousarray(out[1][:, ::-1])
    return out


def _corner(rng: np.random.Generator, ids: np.ndarray, size: tuple[int, int]) -> tuple[int, int]:
    """(top, left) of a piece around a pixel of an instance; below 0 where the piece is larger."""
    rows, columns = np.nonzero((ids > 0) & (ids != UNKNOWN))
    n = rng.integers(len(rows)) if len(rows) else 0
    near = (rows[n], columns[n]) if len(rows) else [side // 2 for side in ids.shape]
    corner = []
    for at, full, side in zip(near, ids.shape, size, strict=True):
        spare = full - side
        start = at - rng.uniform(0.1, 0.9) * side
        low, high = sorted((0, spare))
        corner.append(
            int(np.clip(start, 0, spare)) if spare > 0 else int(rng.integers(low, high + 1))
        )
    return corner[0], corner[1]


def example_of(image: np.ndarray, ids: np.ndarray, still: InstanceStill) -> InstanceExample:
    """The instances of a picture (H, W, 3) with ids (H, W) uint16; specks are unknown."""
    numbered, boxes, kept = np.zeros(ids.shape, np.int16), [], []
    numbered[ids == UNKNOWN] = -1
    for instance in np.unique(ids):
        if instance in (0, UNKNOWN):
            continue
        mask = ids == instance
        if np.count_nonzero(mask) < LEAST_PX:
            numbered[mask] = -1
            continue
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        boxes.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
        kept.append(int(instance))
        numbered[mask] = len(boxes)
    return InstanceExample(
        image,
        numbered,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([still.class_of(instance) for instance in kept], np.int64),
        np.array(kept, np.int64),
        still.labelled,
    )
