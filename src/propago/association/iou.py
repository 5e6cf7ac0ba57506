"""Identities by overlap: what lies where an instance lay in the frame before is that instance.

Source: the assignment of Bewley et al., "Simple Online and Realtime Tracking" (SORT, ICIP 2016),
without its motion model: the Hungarian method on IoU. Differently: IoU of masks where there are
some, classes are not mixed, and an instance is remembered where it was last seen.
"""

from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from propago.detections import Detections
from propago.ops.overlap import box_ious, mask_ious


@dataclass(frozen=True)
class IouSettings:
    """What counts as the same instance.

    Attributes:
        min_iou: less overlap than this is another instance.
        max_absent_frames: an instance that is away for longer is not found again.
        min_confidence: a detection below begins no instance, but can go on with one.
    """

    min_iou: float = 0.3
    max_absent_frames: int = 30
    min_confidence: float = 0.5


@dataclass(frozen=True)
class IouState:
    """The instances that may come again.

    Attributes:
        seen: as they were last seen, with their ids; None before the first frame.
        absent: (N,) int, how many frames ago that was.
        next_id: of the next new instance.
    """

    seen: Detections | None = None
    absent: np.ndarray | None = None
    next_id: int = 1


class IouAssociator:
    """The rule as an `Associator`."""

    def __init__(self, settings: IouSettings | None = None) -> None:
        self.settings = settings or IouSettings()
        self.description = {"associator": "iou", **asdict(self.settings)}

    def begin(self) -> IouState:
        """Before the first frame."""
        return IouState()

    def associate(self, state: IouState, found: Detections) -> tuple[Detections, IouState]:
        """The detections that belong to an instance, with its id; and the state after them.

        Raises:
            ShapeError: masks of another size than before.
        """
        ids = np.zeros(len(found), np.int64)
        if state.seen is not None:
            rows, columns = self._assigned(state.seen, found)
            assert state.seen.ids is not None
            ids[columns] = state.seen.ids[rows]
        new = np.flatnonzero((ids == 0) & (found.confidence >= self.settings.min_confidence))
        ids[new] = state.next_id + np.arange(len(new))
        known = np.flatnonzero(ids)
        kept = replace(found[known], ids=ids[known])
        return kept, self._remembered(state, kept, state.next_id + len(new))

    def _assigned(self, seen: Detections, found: Detections) -> tuple[np.ndarray, np.ndarray]:
        """Places in `seen` and in `found` of what is one instance."""
        if seen.masks is not None and found.masks is not None:
            ious = mask_ious(seen.masks, found.masks)
        else:
            ious = box_ious(seen.boxes_xyxy, found.boxes_xyxy)
        ious = np.where(seen.classes[:, None] == found.classes, ious, 0)
        ious = np.where(ious >= self.settings.min_iou, ious, 0)
        rows, columns = linear_sum_assignment(ious, maximize=True)
        same = ious[rows, columns] > 0
        return rows[same], columns[same]

    def _remembered(self, state: IouState, kept: Detections, next_id: int) -> IouState:
        """The instances of this frame, and those that are away and may come again."""
        absent = np.zeros(len(kept), np.int64)
        if state.seen is None or state.absent is None:
            return IouState(kept, absent, next_id)
        assert state.seen.ids is not None
        assert kept.ids is not None
        away = ~np.isin(state.seen.ids, kept.ids)
        away &= state.absent < self.settings.max_absent_frames
        seen = kept.joined(state.seen[away])
        return IouState(seen, np.concatenate([absent, state.absent[away] + 1]), next_id)
