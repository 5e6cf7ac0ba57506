"""What becomes of an object from frame to frame: followed, lost, covered by another's mask."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby

from propago.metrics.hota import FrameOverlap

FOUND_IOU = 0.5
LOST_IOU = 0.1


class Fate(Enum):
    """What happens to an object in a frame; the value is what a reader sees."""

    FOLLOWED = "followed"
    WEAK = "weak"
    LOST = "lost"
    SWAPPED = "swapped"
    ABSENT = "absent"
    INVENTED = "invented"


@dataclass(frozen=True)
class Stretch:
    """Frames in a row with one fate.

    Attributes:
        fate: what happens.
        first: index of the first frame.
        last: index of the last one.
        called: the predicted id that covers the object instead of its own, where swapped.
    """

    fate: Fate
    first: int
    last: int
    called: int | None = None

    @property
    def frames(self) -> int:
        """How many."""
        return self.last - self.first + 1


def stretches(
    overlaps: Sequence[FrameOverlap], object_id: int, expected: int | None
) -> tuple[Stretch, ...]:
    """The fates of one object, frame by frame, equal neighbours joined.

    Followed: IoU of at least 0.5 with its own prediction. Swapped: with another one instead.
    Lost: below 0.1 with its own. Weak: between. Absent: not in the ground truth; invented: not
    there but predicted.

    Args:
        overlaps: one a frame.
        object_id: the object's id in the ground truth.
        expected: the predicted id that should cover it; None where no prediction does.
    """
    fates = [_fate(overlap, object_id, expected) for overlap in overlaps]
    return tuple(_joined(fates))


def _joined(fates: Sequence[tuple[Fate, int | None]]) -> Iterator[Stretch]:
    first = 0
    for (fate, called), group in groupby(fates):
        after = first + len(list(group))
        yield Stretch(fate, first, after - 1, called)
        first = after


def _fate(overlap: FrameOverlap, object_id: int, expected: int | None) -> tuple[Fate, int | None]:
    predicted = overlap.predicted_ids
    if object_id not in overlap.gt_ids:
        return (Fate.INVENTED if expected in predicted else Fate.ABSENT), None
    iou = dict(zip(predicted, overlap.iou[overlap.gt_ids.index(object_id)].tolist(), strict=True))
    own = iou.get(expected, 0.0) if expected is not None else 0.0
    if own >= FOUND_IOU:
        return Fate.FOLLOWED, None
    best = max(iou, key=lambda i: iou[i], default=None)
    if best is not None and iou[best] >= FOUND_IOU:
        return Fate.SWAPPED, best
    return (Fate.WEAK if own >= LOST_IOU else Fate.LOST), None
