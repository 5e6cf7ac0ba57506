"""What the networks learn from annotated frames: which picture, which masks.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017, section 3. The paper has one annotated frame; here there may be several.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from propago.errors import MaskError
from propago.finetune.annotated import AnnotatedFrame
from propago.finetune.warp import WarpSettings, warp_pair
from propago.methods.seg_with_spn.objective import SegBatch
from propago.types import VOID, Annotation

EARLIER = 1 / 3
"""How often an annotated frame is drawn, for each time the next later one is: of two frames the
later gets 3/4 of the draws, of many 2/3. So each counts more than all before it together: where
two contradict each other, the later one wins."""


@dataclass(frozen=True)
class Lesson:
    """A picture, and what is to be said of it.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        target: (H, W) uint8: the row of an object from 1 on, 0 background, 255 nobody knows.
    """

    picture: np.ndarray
    target: np.ndarray


def annotate(
    image: Tensor, given: Annotation, final: np.ndarray, known: Sequence[int]
) -> AnnotatedFrame:
    """An annotated frame as it is remembered: its labels are rows of `known`, from 1 on.

    An object that the given map leaves out is unknown there, not gone: where it was predicted the
    label is void. An object smaller than a pixel of the working size keeps the pixels it lies in.

    Args:
        image: (3, h, w) RGB in [0, 1], at the working size.
        given: the given map, (H, W) of the frame's size.
        final: (H, W) final label map of the frame.
        known: ids; those of `given` are among them.

    Raises:
        MaskError: more than 254 objects.
    """
    if len(known) >= VOID:
        raise MaskError(f"at most 254 objects can be learned in a video; these are {len(known)}")
    rows = np.where(given.void | ((given.labels == 0) & (final != 0)), VOID, 0).astype(np.uint8)
    for row, object_id in enumerate(known, start=1):
        rows[given.labels == object_id] = row
    return AnnotatedFrame(image.detach().cpu(), _shrunk(rows, (image.shape[-2], image.shape[-1])))


def remembered(
    frames: Sequence[AnnotatedFrame], rows: Sequence[int], most: int
) -> tuple[AnnotatedFrame, ...]:
    """The first frame, the latest others, `most` together; and the latest that shows each row.

    Args:
        frames: in order of time.
        rows: of the objects that are followed.
        most: at least 2.
    """
    shown = [set(np.unique(frame.labels)) for frame in frames]
    latest = {max((n for n, there in enumerate(shown) if row in there), default=0) for row in rows}
    late = len(frames) - most
    return tuple(f for n, f in enumerate(frames) if n == 0 or n > late or n in latest)


def of_foreground(frames: Sequence[AnnotatedFrame]) -> tuple[Lesson, ...]:
    """Any object is foreground, row 1.

    Args:
        frames: in order of time; labels are rows of the known objects, from 1 on.
    """
    return tuple(
        Lesson(frame.picture, np.where(frame.labels == VOID, VOID, frame.labels > 0).astype("u1"))
        for frame in frames
    )


def of_objects(frames: Sequence[AnnotatedFrame], rows: Sequence[int]) -> tuple[Lesson, ...]:
    """The objects of these rows are rows 1, 2, ...; all others are background.

    Frames that show none of them say nothing of them and are left out.

    Args:
        frames: in order of time; labels are rows of the known objects, from 1 on.
        rows: of the objects that one network learns.
    """
    lessons = []
    for frame in frames:
        target = np.where(frame.labels == VOID, VOID, 0).astype(np.uint8)
        for n, row in enumerate(rows, start=1):
            target[frame.labels == row] = n
        if np.isin(frame.labels, rows).any():
            lessons.append(Lesson(frame.picture, target))
    return tuple(lessons)


def draw(rng: np.random.Generator, lessons: Sequence[Lesson], warp: WarpSettings) -> SegBatch:
    """One of the lessons, late ones more often (`EARLIER`), warped.

    Args:
        rng: decides which, and the warp.
        lessons: one or more, in order of time.
        warp: how far it goes.

    Returns:
        One picture, (1, 3, H, W), and its truth, (1, H, W); on the CPU.
    """
    chances = np.array([EARLIER**age for age in reversed(range(len(lessons)))])
    lesson = lessons[rng.choice(len(lessons), p=chances / chances.sum())]
    picture, target = warp_pair(rng, lesson.picture, lesson.target, warp)
    image = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
    return SegBatch(image[None], torch.from_numpy(target)[None])


def _shrunk(rows: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w): the label nearest to each pixel's centre; no object is lost."""
    small = cv2.resize(rows, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    for row in set(np.unique(rows)) - set(np.unique(small)) - {VOID}:
        y, x = np.nonzero(rows == row)
        small[y * size[0] // rows.shape[0], x * size[1] // rows.shape[1]] = row
    return small
