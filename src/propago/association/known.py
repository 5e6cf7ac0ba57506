"""An instance as it was last seen, and which detections are which instance: by overlap."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from propago.detections import Detections
from propago.ops.overlap import box_ious, region_ious
from propago.ops.regions import Region, region_of

Box = tuple[float, float, float, float]

OTHER_CLASS_IOU = 0.5
"""From this overlap on what is left over is one instance, whatever it is called."""

Votes = tuple[tuple[int, float], ...]
"""How sure detections were of each class of an instance, in all: (class, sum of confidences)."""


@dataclass(frozen=True)
class Sighting:
    """Where one detection is: its box, and its pixels where it has a mask with any."""

    box_xyxy: Box
    region: Region | None

    def moved(self, x: int, y: int) -> "Sighting":
        """The same `x` pixels further right and `y` further down."""
        left, top, right, bottom = self.box_xyxy
        region = self.region and replace(
            self.region, left=self.region.left + x, top=self.region.top + y
        )
        return Sighting((left + x, top + y, right + x, bottom + y), region)


@dataclass(frozen=True)
class TrackedInstance:
    """An instance, and what its detections called it.

    Attributes:
        id: its identity.
        votes: for its class.
    """

    id: int
    votes: Votes

    @property
    def class_id(self) -> int:
        """The class of most votes, of two alike the earlier one: what detections were surest of."""
        return max(self.votes, key=lambda vote: vote[1])[0]


@dataclass(frozen=True)
class Known(TrackedInstance):
    """One instance, by where it is.

    Attributes:
        seen: where it was last seen.
        absent: how many frames ago that was.
        velocity: (x, y) in pixels a frame.
        usual_px: its area of late, a running mean; 0 without a mask.
        parent: of a part of an instance that has divided, the id of that one; else 0.
    """

    seen: Sighting
    absent: int = 0
    velocity: tuple[float, float] = (0.0, 0.0)
    usual_px: float = 0.0
    parent: int = 0

    @property
    def expected(self) -> Sighting:
        """Where its motion has taken it in the next frame."""
        x, y = (round(v * (self.absent + 1)) for v in self.velocity)
        return self.seen.moved(x, y)


def voted(votes: Votes, class_id: int, confidence: float) -> Votes:
    """`votes` and one more."""
    sums = dict(votes)
    sums[class_id] = sums.get(class_id, 0.0) + confidence
    return tuple(sums.items())


def sightings(found: Detections) -> list[Sighting]:
    """Where each detection is."""
    masks = [None] * len(found) if found.masks is None else found.masks
    return [
        Sighting(tuple(box), None if mask is None else region_of(mask))
        for box, mask in zip(found.boxes_xyxy.tolist(), masks, strict=True)
    ]


def same_instances(
    known: Sequence[Sighting],
    known_classes: Sequence[int],
    found: Sequence[Sighting],
    found_classes: Sequence[int],
    min_iou: float,
) -> list[tuple[int, int]]:
    """Pairs of places, in `known` and in `found`, of what is one instance.

    The sum of the IoUs is the largest there is; less than `min_iou` is no pair, nor are two
    classes. What is left over is paired likewise whatever its class, from `OTHER_CLASS_IOU` on.
    IoU is of pixels where every detection of both has some, else of boxes.
    """
    if not known or not found:
        return []
    if all(one.region for one in (*known, *found)):
        ious = region_ious([k.region for k in known], [f.region for f in found])
    else:
        ious = box_ious(*(np.array([one.box_xyxy for one in ones]) for ones in (known, found)))
    same = np.array(known_classes)[:, None] == np.array(found_classes)
    pairs = _best_pairs(np.where(same & (ious >= min_iou), ious, 0))
    for row, column in pairs:
        ious[row], ious[:, column] = 0, 0
    return pairs + _best_pairs(np.where(ious >= max(min_iou, OTHER_CLASS_IOU), ious, 0))


def _best_pairs(ious: np.ndarray) -> list[tuple[int, int]]:
    rows, columns = linear_sum_assignment(ious, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if ious[r, c] > 0]
