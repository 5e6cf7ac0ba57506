"""Identities by overlap: what lies where an instance is expected is that instance.

Source: the assignment of Bewley et al., "Simple Online and Realtime Tracking" (SORT, ICIP 2016):
the Hungarian method on IoU. Differently: IoU of masks where there are some, first within a class,
then of what is left over whatever its class; a mean velocity stands in for the Kalman filter, and
an instance is remembered while it is away.
`two_passes`: Zhang et al., "ByteTrack" (ECCV 2022).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from propago.association.divisions import divided
from propago.association.known import (
    Known,
    Sighting,
    Votes,
    same_instances,
    sightings,
    voted,
)
from propago.detections import Detections

VELOCITY_GAIN = 0.5
"""How much of its latest motion an instance takes over into its velocity."""

AREA_GAIN = 0.2
"""The same of its latest area and its usual one: a cell is round and small before it divides."""


@dataclass(frozen=True)
class IouSettings:
    """What counts as the same instance.

    Attributes:
        min_iou: less overlap than this is another instance.
        max_absent_frames: an instance that is away for longer is not found again.
        min_confidence: a detection below begins no instance, but can go on with one.
        motion: expect instances to move on as they did; else where they were last seen.
        two_passes: detections below `min_confidence` only go on with instances that the others
            leave over.
        divisions: an instance of which two or more parts are left ends, and they are new.
    """

    min_iou: float = 0.3
    max_absent_frames: int = 30
    min_confidence: float = 0.5
    motion: bool = True
    two_passes: bool = False
    divisions: bool = False


@dataclass(frozen=True)
class IouState:
    """The instances that may come again, by ascending id; and the id of the next new one."""

    known: tuple[Known, ...] = ()
    next_id: int = 1


class IouAssociator:
    """The rule as an `Associator`."""

    def __init__(self, settings: IouSettings | None = None) -> None:
        self.settings = settings or IouSettings()
        self.description = {"associator": "iou", **asdict(self.settings)}

    @classmethod
    def load(cls, min_confidence: float = IouSettings.min_confidence) -> "IouAssociator":
        """One pass over all detections."""
        return cls(IouSettings(min_confidence=min_confidence))

    @classmethod
    def in_two_passes(cls, min_confidence: float = IouSettings.min_confidence) -> "IouAssociator":
        """Confident detections first, then the doubtful ones, as ByteTrack."""
        return cls(IouSettings(min_confidence=min_confidence, two_passes=True))

    @classmethod
    def for_cells(cls, min_confidence: float = IouSettings.min_confidence) -> "IouAssociator":
        """For cells: they change direction and shape within a frame, and divide."""
        return cls(
            IouSettings(
                min_iou=0.1,
                max_absent_frames=3,
                min_confidence=min_confidence,
                motion=False,
                divisions=True,
            )
        )

    def begin(self) -> IouState:
        """Before the first frame."""
        return IouState()

    def associate(self, state: IouState, found: Detections) -> tuple[Detections, IouState]:
        """The detections that belong to an instance, with its id; and the state after them."""
        seen, confident = sightings(found), found.confidence >= self.settings.min_confidence
        ids = np.zeros(len(found), np.int64)
        parent_of = divided(state.known, seen) if self.settings.divisions else {}
        whole = ~np.isin(np.arange(len(found)), list(parent_of))
        passes = (confident, ~confident) if self.settings.two_passes else (confident | True,)
        before = [k for k in state.known if k.id not in parent_of.values()]
        left = before
        for some in passes:
            self._assign(ids, left, seen, found.classes, np.flatnonzero(some & whole))
            left = [k for k in left if k.id not in ids]
        new = np.flatnonzero((ids == 0) & confident)
        ids[new] = state.next_id + np.arange(len(new))
        here = np.flatnonzero(ids).tolist()
        now = [
            Known(int(ids[n]), _vote(found, n), seen[n], parent=parent_of.get(n, 0)) for n in here
        ]
        known = self._remembered(before, now)
        after = {k.id: k for k in known}
        classes = np.array([after[k.id].class_id for k in now], found.classes.dtype)
        tracked = replace(found[here], ids=ids[here], classes=classes)
        if self.settings.divisions:
            parents = np.array([after[k.id].parent for k in now], np.int64)
            tracked = replace(tracked, parents=parents)
        return tracked, IouState(known, state.next_id + len(new))

    def _assign(
        self,
        ids: np.ndarray,
        known: Sequence[Known],
        seen: Sequence[Sighting],
        classes: np.ndarray,
        places: np.ndarray,
    ) -> None:
        """Put the ids of `known` into `ids` where detections at `places` are these instances."""
        pairs = same_instances(
            [k.expected if self.settings.motion else k.seen for k in known],
            [k.class_id for k in known],
            [seen[place] for place in places],
            classes[places].tolist(),
            self.settings.min_iou,
        )
        for row, column in pairs:
            ids[places[column]] = known[row].id

    def _remembered(self, known: Sequence[Known], now: Sequence[Known]) -> tuple[Known, ...]:
        """The instances of this frame, and those that are away and may come again."""
        before = {k.id: k for k in known}
        here = {k.id: _seen_again(before.get(k.id), k) for k in now}
        most = self.settings.max_absent_frames
        away = {
            i: replace(k, absent=k.absent + 1)
            for i, k in before.items()
            if i not in here and k.absent < most
        }
        return tuple(sorted((here | away).values(), key=lambda k: k.id))


def _seen_again(before: Known | None, now: Known) -> Known:
    """`now` with its velocity, of the middles of the boxes, its usual area, and all votes."""
    area = now.seen.region.area if now.seen.region else 0
    if before is None:
        return replace(now, usual_px=float(area))
    frames, velocity = before.absent + 1, []
    for axis in (0, 1):
        moved = _middle(now.seen, axis) - _middle(before.seen, axis)
        mean = before.velocity[axis]
        velocity.append(mean + VELOCITY_GAIN * (moved / frames - mean))
    usual = before.usual_px + AREA_GAIN * (area - before.usual_px)
    return replace(
        now,
        votes=voted(before.votes, *now.votes[0]),
        velocity=(velocity[0], velocity[1]),
        usual_px=usual,
        parent=before.parent,
    )


def _vote(found: Detections, place: int) -> Votes:
    return voted((), int(found.classes[place]), float(found.confidence[place]))


def _middle(seen: Sighting, axis: int) -> float:
    return (seen.box_xyxy[axis] + seen.box_xyxy[axis + 2]) / 2
