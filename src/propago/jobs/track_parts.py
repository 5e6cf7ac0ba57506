"""The parts of a run of `track`: what finds instances, which of them count, what follows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from propago.association.carry import Carry, CarrySettings
from propago.components import ASSOCIATORS, DETECTORS, PROPAGATORS, REFINERS, load_component
from propago.detections import Detections
from propago.errors import UsageError
from propago.io.source import Source
from propago.jobs.given_detections import Given, gather_detections
from propago.jobs.options import TrackOptions
from propago.runs.record import described
from propago.tracking import Associator, Detector, Tracker
from propago.types import Frame, Propagator, Refiner

DOUBTFUL = 0.1
"""Less confident detections are not looked at where doubtful ones are (ByteTrack's value)."""


@dataclass(frozen=True)
class ChosenDetections:
    """A detector's detections of some classes, and not too doubtful ones; a `Detector`."""

    detector: Detector
    min_confidence: float
    class_ids: frozenset[int] | None

    @property
    def description(self) -> Mapping[str, Any]:
        """The detector's, and what is chosen."""
        chosen = None if self.class_ids is None else sorted(self.class_ids)
        return described(self.detector) | {"min_confidence": self.min_confidence, "classes": chosen}

    def __call__(self, frame: Frame) -> Detections | None:
        """Those that are chosen."""
        found = self.detector(frame)
        if found is None:
            return None
        kept = found.confidence >= self.min_confidence
        if self.class_ids is not None:
            kept &= np.isin(found.classes, sorted(self.class_ids))
        return found[kept]


@dataclass(frozen=True)
class TrackParts:
    """A tracker, and what is known about its detections.

    Attributes:
        tracker: before the first frame.
        class_names: of class ids.
        notes: how given detections were understood.
    """

    tracker: Tracker
    class_names: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def inputs(self) -> dict[str, Any]:
        """All that decides identities and masks, as JSON values."""
        return {
            "method": described(self.tracker.detector),
            "associator": described(self.tracker.carry or self.tracker.associator),
            "refine": described(self.tracker.refiner),
        }

    @property
    def facts(self) -> dict[str, str]:
        """What found and what followed the instances, for people."""
        parts = {"instances": self.inputs["method"], "identities": self.inputs["associator"]}
        return {
            fact: ", ".join(f"{name} {_told(value)}" for name, value in part.items())
            for fact, part in parts.items()
        }

    @property
    def packages(self) -> tuple[str, ...]:
        """The top-level packages whose states a checkpoint may hold."""
        own = (self.tracker.associator, self.tracker.carry and self.tracker.carry.method)
        names = (type(part).__module__.partition(".")[0] for part in own if part)
        return tuple(dict.fromkeys(("propago", *names)))


def load_track_parts(
    source: Source,
    detections: Given | None,
    method: str | Detector | None,
    associator: str | Associator,
    carry: str | Propagator | Carry | None,
    refine: str | Refiner | None,
    options: TrackOptions,
) -> TrackParts:
    """The parts, loaded.

    Raises:
        UsageError: neither detections nor a method, both, no such name or class, or frames are
            left out and nothing carries.
        SourceError: detections that cannot be read, or of other frames.
        WeightsError: no such weights, corrupt, or of another network.
    """
    carried = load_carry(carry, options)
    if detections is not None and method is None:
        detector: Any = gather_detections(source, detections, carried=carried is not None)
        notes = detector.notes
    elif detections is None and method is not None:
        detector, notes = _detector(method, options), ()
    else:
        raise UsageError(
            "either `detections` or a `method` says where instances are; `method` is one of "
            f"{', '.join(DETECTORS) or '(none yet)'}, or a detector of one's own in Python"
        )
    names = dict(getattr(detector, "class_names", {}))
    ours = isinstance(associator, str) and associator in ASSOCIATORS
    settings = {"min_confidence": options.score} if ours else {}
    doubtful = carried is not None or associator == "bytetrack"
    least = min(DOUBTFUL, options.score) if doubtful else options.score
    tracker = Tracker(
        ChosenDetections(detector, least, _class_ids(options.classes, names)),
        load_component(ASSOCIATORS, associator, "`associator`", **settings),
        refine=load_component(REFINERS, refine, "`refine`", **_device(options)),
        carry=carried,
        detect_every=options.detect_every,
    )
    return TrackParts(tracker, names, notes)


def load_carry(carry: str | Propagator | Carry | None, options: TrackOptions) -> Carry | None:
    """What carries instances, which begin at the score of `options`; a `Carry` as it is."""
    if isinstance(carry, Carry):
        return carry
    method = load_component(PROPAGATORS, carry, "`carry`", **_device(options))
    return method and Carry(method, CarrySettings(min_confidence=options.score))


def _detector(method: str | Detector, options: TrackOptions) -> Detector:
    asked = {} if options.preset is None else {"preset": options.preset}
    asked |= {} if options.weights == "default" else {"weights": options.weights}
    return load_component(DETECTORS, method, "`method`", **asked, **_device(options))


def _device(options: TrackOptions) -> dict[str, str]:
    return {} if options.device == "auto" else {"device": options.device}


def _class_ids(classes: str | None, names: Mapping[int, str]) -> frozenset[int] | None:
    """The ids of classes that are told by name or number, with commas between."""
    if classes is None:
        return None
    by_name, found = {name: i for i, name in names.items()}, set()
    for told in map(str.strip, classes.split(",")):
        if told not in by_name and not told.isdecimal():
            legal = ", ".join(names.values()) or "numbers: these detections name no classes"
            raise UsageError(f"`classes` {told}: there is no such class; there are {legal}")
        found.add(by_name[told] if told in by_name else int(told))
    return frozenset(found)


def _told(value: Any) -> str:
    """A value of a description in few words; of a digest the beginning."""
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)
