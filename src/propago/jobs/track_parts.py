"""The parts of a run of `track`: what finds instances, which of them count, what follows them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np

from propago.association.carry import Carry, CarrySettings
from propago.components import (
    ASSOCIATORS,
    DETECTORS,
    REFINERS,
    Component,
    component,
    imported,
    load_carrier,
    load_component,
)
from propago.detections import Detections
from propago.errors import UsageError
from propago.io.given_detections import Given, gather_detections
from propago.io.source import Source
from propago.jobs.options import TrackOptions
from propago.runs.checkpoints import packages_of
from propago.runs.record import described
from propago.tracking import Associator, Detector, Tracker
from propago.types import Frame, Propagator, Refiner

DOUBTFUL = 0.1
"""Less confident detections are not looked at where doubtful ones are (ByteTrack's value)."""

SCORE, OWN_SCORE = 0.3, 0.4
"""Less confident detections begin no instance where nothing else is asked for: of anyone, and of
our own networks, for which it was chosen on validation sequences."""


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

    @property
    def thread_safe(self) -> bool:
        """Whether the detector is."""
        return getattr(self.detector, "thread_safe", False)

    def __call__(self, frame: Frame) -> Detections | None:
        """Those that are chosen."""
        found = self.detector(frame)
        if found is None:
            return None
        kept = found.confidence >= self.min_confidence
        if self.class_ids is not None:
            kept &= np.isin(found.classes, sorted(self.class_ids))
        return found if kept.all() else found[kept]


@dataclass(frozen=True)
class TrackParts:
    """A tracker, and what is known about its detections.

    Attributes:
        tracker: before the first frame.
        class_names: of class ids.
        notes: how given detections were understood.
        semantic: what makes a map of categories of a frame, where one is asked for.
    """

    tracker: Tracker
    class_names: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    semantic: Callable[[Frame], np.ndarray] | None = None

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
        tracker = self.tracker
        return packages_of(tracker.associator, tracker.carry and tracker.carry.method)


def load_track_parts(
    source: Source,
    detections: Given | None,
    method: str | Detector | None,
    associator: str | Associator | None,
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
    method = method or (_with_weights() if detections is None else None)
    score = options.score
    if score is None:
        score = OWN_SCORE if isinstance(method, str) else SCORE
    carried = load_carry(carry, score, options)
    row = DETECTORS.get(method) if isinstance(method, str) else None
    associator = associator or (row.associator if row else "iou")
    doubtful = carried is not None or associator == "bytetrack"
    least = min(DOUBTFUL, score) if doubtful else score
    if method is None and detections is not None:
        detector: Any = gather_detections(source, detections, carried=carried is not None)
        notes = detector.notes
    elif method is not None and detections is None:
        detector, notes = _detector(method, least, options), ()
    else:
        raise UsageError(
            "either `detections` or a `method` says where instances are; `method` is one of "
            f"{', '.join(DETECTORS)}, or a detector of one's own in Python"
        )
    semantic = _semantic(detector) if options.save_semantic else None
    names = dict(getattr(detector, "class_names", {}))
    tracker = Tracker(
        ChosenDetections(detector, least, _class_ids(options.classes, names)),
        _load(ASSOCIATORS, associator, "associator", min_confidence=score),
        refine=load_component(REFINERS, refine, "refine", **options.asked("device")),
        carry=carried,
        detect_every=options.detect_every,
    )
    return TrackParts(tracker, names, notes, semantic)


def _semantic(detector: Any) -> Callable[[Frame], np.ndarray]:
    known = getattr(detector, "semantic", None)
    if known is None:
        raise UsageError(
            "`save_semantic` needs a `method` that knows the category of every pixel: bridging"
        )
    return known


def load_carry(
    carry: str | Propagator | Carry | None, score: float, options: TrackOptions
) -> Carry | None:
    """What carries instances, which begin at `score`; a `Carry` as it is."""
    if isinstance(carry, Carry):
        return carry
    size = {} if options.carry_size is None else {"size": options.carry_size}
    method = load_carrier(carry, **options.asked("device"), **size)
    return method and Carry(method, CarrySettings(min_confidence=score))


def _with_weights() -> str | None:
    """The first detector whose weights are in the package; None where there is none."""
    for name, row in DETECTORS.items():
        presets = imported(row.presets).values() if row.presets else ()
        if any("default" in preset.weights for preset in presets):
            return name
    return None


def _detector(method: str | Detector, least: float, options: TrackOptions) -> Detector:
    asked = options.asked("preset", "size", "weights", "engine", "device")
    return _load(DETECTORS, method, "method", min_confidence=least, **asked)


def _load(
    table: Mapping[str, Component], part: Any, argument: str, *, min_confidence: float, **asked: Any
) -> Any:
    """A part of a table, which is told of `min_confidence` where it has such a setting."""
    if (
        isinstance(part, str)
        and "min_confidence" in component(table, part, argument).setting_names()
    ):
        asked["min_confidence"] = min_confidence
    return load_component(table, part, argument, **asked)


def _class_ids(classes: str | None, names: Mapping[int, str]) -> frozenset[int] | None:
    """The ids of classes that are told by name or number, with commas between."""
    if classes is None:
        return None
    by_name, found = {name: i for i, name in names.items()}, set()
    for told in map(str.strip, classes.split(",")):
        if told not in by_name and not told.isdecimal():
            near = get_close_matches(told, by_name, 1)
            legal = ", ".join(by_name) or "numbers: these detections name no classes"
            hint = f"did you mean {near[0]}? There are" if near else "there are"
            raise UsageError(f"`classes` {told}: {hint} {legal}")
        found.add(by_name[told] if told in by_name else int(told))
    return frozenset(found)


def _told(value: Any) -> str:
    """A value of a description in few words; of a digest the beginning."""
    return value[:12] if isinstance(value, str) and len(value) == 64 else str(value)
