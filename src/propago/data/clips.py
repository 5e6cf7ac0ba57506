"""Training clips, and those cut from real video with masks (any folder in the DAVIS layout)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from propago.data.augment import degrade, jitter_colours
from propago.data.objects import MIN_OBJECT_PX, number_objects, paste_moving, visible_objects
from propago.errors import SourceError, UsageError
from propago.io.davis_layout import davis_annotations, davis_frames
from propago.io.imread import imread
from propago.io.labels import ONE_OR_MANY
from propago.io.masks import read_labels
from propago.io.names import visible
from propago.io.stills import is_still
from propago.types import VOID

FAR_FIRST_CHANCE = 0.4
"""How often the first frame of a real clip lies up to 40 frames from the second."""

TWIN_CHANCE = 0.25
"""How often a pasted object is the clip's own, mirrored: it looks alike and moves otherwise."""

MAX_STRIDE = 6
"""The largest step between the frames of a clip."""

_ATTEMPTS = 50


@dataclass(frozen=True)
class Clip:
    """A few frames in a row with the masks of the objects that are visible in the first.

    Attributes:
        images: (T, H, W, 3) uint8 RGB.
        labels: (T, H, W) uint8; 0 background, 1..K objects, 255 void.
    """

    images: np.ndarray
    labels: np.ndarray

    @property
    def objects(self) -> int:
        """K: how many objects the first frame shows."""
        first = self.labels[0]
        return int(first[first != VOID].max(initial=0))


class DavisClips:
    """Clips from real sequences: `JPEGImages/480p/NAME/*.jpg` and `Annotations/480p/NAME/*.png`.

    Only the frames of a clip are read. A clip has one temporal stride (or irregular gaps), may
    run backwards, is scaled, cropped around an object of its first frame, mirrored and
    recoloured; on most, the object of another sequence is pasted with its own real motion.
    """

    def __init__(
        self,
        root: Path,
        sequences: Sequence[str],
        *,
        size: tuple[int, int],
        frames: int,
        max_objects: int = 3,
        paste_chance: float = 0.7,
    ) -> None:
        """Index the files of `sequences` under `root`.

        Args:
            root: folder with `JPEGImages` and `Annotations`.
            sequences: names of the sequences to draw from.
            size: (H, W) of a clip in pixels.
            frames: T of a clip.
            max_objects: at most so many objects keep their label.
            paste_chance: how often an object of another clip is pasted in.

        Raises:
            SourceError: a sequence has no frames, or frames without masks.
            UsageError: `sequences` is empty.
        """
        if not sequences:
            raise UsageError("sequences: at least one name is needed, none came")
        self._files = [_paired_files(Path(root), name) for name in sequences]
        self._size, self._frames = size, frames
        self._max_objects, self._paste_chance = max_objects, paste_chance

    def sample(self, rng: np.random.Generator) -> Clip:
        """One clip, whose first frame shows at least one object."""
        images, labels = self._window(rng)
        if rng.random() < self._paste_chance:
            if rng.random() < TWIN_CHANCE:
                donor = images[:, :, ::-1].copy(), labels[:, :, ::-1].copy()
            else:
                donor = self._window(rng)
            pasted = paste_moving(rng, (images, labels), donor)
            if visible_objects(pasted[1][0]):
                images, labels = pasted
        images = degrade(rng, jitter_colours(rng, images))
        return Clip(images, number_objects(rng, labels, self._max_objects))

    def _window(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels of a scaled, cropped, perhaps mirrored piece of a sequence."""
        for _ in range(_ATTEMPTS):
            files = self._files[rng.integers(len(self._files))]
            chosen = [files[i] for i in draw_times(rng, len(files), self._frames, MAX_STRIDE)]
            masks = [read_labels(mask, ONE_OR_MANY) for _, mask in chosen]
            rect = draw_window(rng, masks, self._size)
            if rect is None:
                continue
            labels = np.stack([_cut_labels(mask, rect, self._size) for mask in masks])
            if not visible_objects(labels[0]):
                continue
            images = np.stack([_read_cut(image, rect, self._size) for image, _ in chosen])
            if rng.random() < 0.5:
                images, labels = images[:, :, ::-1], labels[:, :, ::-1]
            return np.ascontiguousarray(images), np.ascontiguousarray(labels)
        raise SourceError(
            f"no object of at least {MIN_OBJECT_PX} px was found in {_ATTEMPTS} random frames; "
            "check that the annotations are indexed PNGs with non-zero objects"
        )


def draw_times(rng: np.random.Generator, length: int, frames: int, max_stride: int) -> list[int]:
    """Positions of `frames` frames in a sequence of `length`: ascending, or all descending.

    One stride of 1..max_stride, or irregular gaps, or a first frame that lies far from the others,
    as the annotated frame of a long video does. A short sequence repeats frames.
    """
    longest = max((length - 1) // max(frames - 1, 1), 0)
    stride_limit = max(min(max_stride, longest), 0)
    kind = rng.random()
    if kind < FAR_FIRST_CHANCE and frames > 2 and longest > 0:
        gaps = rng.integers(1, min(3, stride_limit) + 1, frames - 1)
        gaps[0] = rng.integers(gaps[0], max(min(40, length - 1 - gaps[1:].sum()), gaps[0]) + 1)
    elif kind < FAR_FIRST_CHANCE + 0.15:
        gaps = rng.integers(min(1, stride_limit), stride_limit + 1, frames - 1)
    else:
        gaps = np.full(frames - 1, rng.integers(min(1, stride_limit), stride_limit + 1))
    times = np.concatenate([[0], np.cumsum(gaps)]).astype(int)
    times = times + rng.integers(0, max(length - times[-1], 1))
    times = np.minimum(times, length - 1)
    return (times if rng.random() < 0.7 else length - 1 - times).tolist()


def draw_window(
    rng: np.random.Generator, masks: Sequence[np.ndarray], size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """A rectangle (y, x, height, width) of even numbers that shows an object of the first mask.

    Its scale resembles frames worked on at 270 rows, times 0.7..1.4; its place leans towards
    where the object goes later in the clip. None where the first mask shows nothing.
    """
    seen = visible_objects(masks[0])
    if not seen:
        return None
    target = seen[rng.integers(len(seen))]
    full_h, full_w = masks[0].shape
    scale = 270 / full_h * float(np.exp(rng.uniform(np.log(0.7), np.log(1.4))))
    stretch = float(np.exp(rng.normal(0, 0.05)))
    height = _even(min(size[0] / scale * stretch, full_h))
    width = _even(min(size[1] / scale / stretch, full_w))
    now = _extent(masks[0] == target)
    later = [e for e in (_extent(mask == target) for mask in masks[1:]) if e is not None]
    lean = rng.uniform(0, 0.6)
    assert now is not None
    y = _place(rng, now[:2], [e[:2] for e in later], height, full_h, lean)
    x = _place(rng, now[2:], [e[2:] for e in later], width, full_w, lean)
    return y, x, height, width


def _paired_files(root: Path, name: str) -> list[tuple[Path, Path]]:
    """(image, mask) files of a sequence, by name."""
    folder, masks = davis_frames(root, name), davis_annotations(root, name)
    images = sorted(filter(is_still, visible(folder))) if folder.is_dir() else []
    pairs = [(image, masks / f"{image.stem}.png") for image in images]
    missing = [mask.name for _, mask in pairs if not mask.is_file()]
    if not pairs or missing:
        what = f"no masks {', '.join(missing[:3])}" if pairs else "no pictures"
        raise SourceError(
            f"sequence {name!r} in {root}: {what}; the DAVIS layout is JPEGImages/480p/NAME/*.jpg "
            "with Annotations/480p/NAME/*.png of the same names"
        )
    return pairs


def _cut_labels(
    labels: np.ndarray, rect: tuple[int, int, int, int], size: tuple[int, int]
) -> np.ndarray:
    y, x, h, w = rect
    return cv2.resize(
        labels[y : y + h, x : x + w], size[::-1], interpolation=cv2.INTER_NEAREST_EXACT
    )


def _read_cut(path: Path, rect: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
    """The rectangle of an image file at `size`; decoded at half size where that suffices."""
    y, x, h, w = rect
    half = h >= 1.9 * size[0] and w >= 1.9 * size[1]
    mode = cv2.IMREAD_REDUCED_COLOR_2 if half else cv2.IMREAD_COLOR
    image = imread(path, mode)
    if image is None:
        raise SourceError(f"{path} cannot be read as a JPEG image")
    if half:
        y, x, h, w = y // 2, x // 2, h // 2, w // 2
    piece = cv2.resize(image[y : y + h, x : x + w], size[::-1], interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(piece, cv2.COLOR_BGR2RGB)


def _extent(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """(y0, y1, x0, x1) of the true pixels, exclusive ends."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _place(
    rng: np.random.Generator,
    now: tuple[int, int],
    later: Sequence[tuple[int, int]],
    length: int,
    full: int,
    lean: float,
) -> int:
    """Even start of a stretch of `length` in 0..full that covers `now`, or most of it."""
    low, high = sorted((now[1] - length, now[0]))
    low, high = max(min(low, full - length), 0), max(min(high, full - length), 0)
    start = rng.uniform(low, high)
    if later:
        goal = np.mean([(a + b) / 2 for a, b in later]) - length / 2
        start = (1 - lean) * start + lean * float(np.clip(goal, low, high))
    return int(start) // 2 * 2


def _even(length: float) -> int:
    return max(int(length) // 2 * 2, 2)
