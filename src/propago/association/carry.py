"""Instances carried by a propagator; detections start, correct, confirm and end them.

Between detections the propagator alone says where everything is, so a detector need not look at
every frame, and an instance that it misses keeps its mask and its identity.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from typing import Any

import numpy as np

from propago.association.known import (
    Sighting,
    TrackedInstance,
    same_instances,
    sightings,
    voted,
)
from propago.detections import Detections
from propago.errors import MaskError, UsageError
from propago.ops.regions import Region, region_of
from propago.types import Annotation, Frame, Propagator, SoftMasks


@dataclass(frozen=True)
class CarrySettings:
    """When detections begin, correct and end instances.

    Attributes:
        min_iou: less overlap of a detection and a carried mask is another instance.
        min_confidence: a detection below neither begins nor corrects an instance, but confirms it.
        max_misses: after so many looks in a row without a detection, what is carried is no longer
            believed, and the instance is away.
        max_absent_frames: an instance that is away for longer is not found again.
    """

    min_iou: float = 0.3
    min_confidence: float = 0.5
    max_misses: int = 3
    max_absent_frames: int = 30


@dataclass(frozen=True)
class Carried(TrackedInstance):
    """One instance.

    Attributes:
        confidence: of its latest detection.
        seen: where it was last seen.
        misses: how many looks since then found nothing.
        absent: for how many frames it has been away.
    """

    confidence: float
    seen: Sighting
    misses: int = 0
    absent: int = 0


@dataclass(frozen=True)
class CarryState:
    """Where it stands: the propagator's state, the instances by ascending id, frames so far."""

    method: Any
    known: tuple[Carried, ...] = ()
    next_id: int = 1
    frames: int = 0


class Carry:
    """Carries instances through frames, some of which come with detections."""

    def __init__(self, method: Propagator, settings: CarrySettings | None = None) -> None:
        """Carry by `method`.

        Raises:
            UsageError: it looks ahead, and detections could not correct it in time.
        """
        if method.look_ahead_frames:
            raise UsageError("`carry` needs a method that does not look ahead; this one does")
        self.method, self.settings = method, settings or CarrySettings()
        how: Any = getattr(method, "settings", None)
        carrier = {
            **method.description,
            **(asdict(how) if is_dataclass(how) and not isinstance(how, type) else {}),
        }
        self.description = {"carry": carrier, **asdict(self.settings)}

    def begin(self) -> CarryState:
        """Before the first frame."""
        return CarryState(self.method.begin())

    def step(
        self, state: CarryState, frame: Frame, found: Detections | None
    ) -> tuple[Detections, CarryState]:
        """The instances of a frame with ids and masks, and the state after it.

        Args:
            state: after the frame before.
            frame: the frame.
            found: what a detector found in it; None where none looked.

        Raises:
            MaskError: detections without masks, or with masks of another size.
        """
        masks, features = self.method.predict(state.method, frame)
        known = {k.id: k for k in state.known}
        next_id, annotation = state.next_id, None
        if found is not None:
            _require_masks(found, frame)
            carried = _regions(self.method.aggregate(masks))
            known |= {i: replace(known[i], seen=_sighting(r)) for i, r in carried.items()}
            ids, next_id = self._identified(known, found, next_id)
            known = self._confirmed(known, found, ids)
            annotation = self._correction(known, found, ids, masks.ids, carried)
        masks = self.method.aggregate(masks.overridden_by(annotation))
        method = self.method.update(state.method, features, masks, annotation)
        here, known = self._believed(known, masks)
        return here, CarryState(method, known, next_id, state.frames + 1)

    def _identified(
        self, known: Mapping[int, Carried], found: Detections, next_id: int
    ) -> tuple[np.ndarray, int]:
        """The id of each detection, 0 of one that is doubtful and nobody's; and the next new id."""
        ids = np.zeros(len(found), np.int64)
        instances, seen = list(known.values()), sightings(found)
        pairs = same_instances(
            [k.seen for k in instances],
            [k.class_id for k in instances],
            seen,
            found.classes.tolist(),
            self.settings.min_iou,
        )
        for row, column in pairs:
            ids[column] = instances[row].id
        new = np.flatnonzero((ids == 0) & (found.confidence >= self.settings.min_confidence))
        new = new[[seen[n].region is not None for n in new]]
        ids[new] = next_id + np.arange(len(new))
        return ids, next_id + len(new)

    def _confirmed(
        self, known: Mapping[int, Carried], found: Detections, ids: np.ndarray
    ) -> dict[int, Carried]:
        """The instances after a look: those it found, new ones too, and those it missed."""
        after = {i: replace(k, misses=k.misses + 1) for i, k in known.items()}
        for n, seen in enumerate(sightings(found)):
            if i := int(ids[n]):
                confidence = float(found.confidence[n])
                before = known[i].votes if i in known else ()
                votes = voted(before, int(found.classes[n]), confidence)
                after[i] = Carried(i, votes, confidence, seen)
        return after

    def _correction(
        self,
        known: Mapping[int, Carried],
        found: Detections,
        ids: np.ndarray,
        followed: Collection[int],
        carried: Collection[int],
    ) -> Annotation | None:
        """What a look says about the frame: masks of what it is sure of or of what was gone."""
        assert found.masks is not None
        sure = found.confidence >= self.settings.min_confidence
        said = np.flatnonzero((ids > 0) & (sure | ~np.isin(ids, list(carried))))
        ended = {i for i in followed if known[i].misses >= self.settings.max_misses}
        if not len(said) and not ended:
            return None
        labels = replace(found[said], ids=ids[said]).labels()
        return Annotation(labels, frozenset(ended))

    def _believed(
        self, known: Mapping[int, Carried], masks: SoftMasks
    ) -> tuple[Detections, tuple[Carried, ...]]:
        """The instances that have pixels now, and all that may come again."""
        after, shown = {}, []
        for i, region in _regions(masks).items():
            after[i] = replace(known[i], seen=_sighting(region), absent=0)
            shown.append((i, region))
        for i, k in known.items():
            if i not in after and k.absent < self.settings.max_absent_frames:
                after[i] = replace(k, absent=k.absent + 1)
        planes = np.zeros((len(shown), *masks.probabilities.shape[-2:]), bool)
        for plane, (_, region) in zip(planes, shown, strict=True):
            plane[region.box] = region.mask
        here = [after[i] for i, _ in shown]
        found = Detections.of_masks(
            planes,
            [k.class_id for k in here],
            [k.confidence for k in here],
            [k.id for k in here],
        )
        return found, tuple(after[i] for i in sorted(after))


def _regions(masks: SoftMasks) -> dict[int, Region]:
    """Where each object is that has pixels, by its id."""
    labels = masks.labels()
    found = {i: region_of(labels == i) for i in masks.ids}
    return {i: region for i, region in found.items() if region}


def _sighting(region: Region) -> Sighting:
    return Sighting(region.xyxy, region)


def _require_masks(found: Detections, frame: Frame) -> None:
    if found.masks is None or found.masks.shape[1:] != frame.size:
        came = "boxes alone" if found.masks is None else f"masks of {found.masks.shape[1:]}"
        raise MaskError(
            f"frame {frame.name}: `carry` needs detections with masks of the frame's size "
            f"{frame.size}; these are {came}"
        )
