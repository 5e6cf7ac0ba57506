"""What an evaluation found: per object and frame, per object, and over all objects."""

import csv
import io
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from propago.io.sequence_folders import SequenceFiles
from propago.metrics.statistics import mean


@dataclass(frozen=True)
class ObjectScores:
    """One object of one sequence.

    Attributes:
        sequence: name of the sequence.
        id: the object's id in the ground truth.
        frames: names of the T frames that count for it, in order.
        figures: what the metrics computed, by name; NaN where undefined.
        values: (T,) float64 by name, the frame by frame course of what the metrics measured, e.g.
            "J" and "F".
        proposal: the predicted id assigned to the object (unsupervised); None where ids are
            compared as they stand or no proposal is left for the object.
    """

    sequence: str
    id: int
    frames: tuple[str, ...]
    figures: Mapping[str, float]
    values: Mapping[str, np.ndarray]
    proposal: int | None = None

    @property
    def keys(self) -> dict[str, str | int]:
        """What tells it from the others."""
        return {"sequence": self.sequence, "id": self.id}


@dataclass(frozen=True)
class CategoryScores:
    """One category of objects, or one class of pixels.

    Attributes:
        id: the category's id.
        figures: by name; NaN where undefined.
    """

    id: int
    figures: Mapping[str, float]

    @property
    def keys(self) -> dict[str, str | int]:
        """What tells it from the others."""
        return {"category": self.id}


@dataclass(frozen=True)
class Evaluation:
    """The result of `propago.evaluate`.

    Attributes:
        protocol: name of the protocol.
        settings: how it was applied, e.g. {"official": False, "tolerance_px": None}.
        figures: over everything, by name; NaN where undefined.
        objects: scores of all objects, by sequence, then by id (in official unsupervised
            evaluation by proposal, as the official tool lists them). Of label maps only.
        categories: scores by category or class, where there are such.
        sequences: the evaluated files, for reports.
        lower_is_better: names of the figures of which less is better.
        meanings: what the figures of each metric mean.
        notes: what a reader should know, e.g. an object without an evaluated frame.
    """

    protocol: str
    settings: Mapping[str, Any]
    figures: Mapping[str, float]
    objects: tuple[ObjectScores, ...] = ()
    categories: tuple[CategoryScores, ...] = ()
    sequences: tuple[SequenceFiles, ...] = ()
    lower_is_better: Collection[str] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def parts(self) -> Sequence[ObjectScores | CategoryScores]:
        """The rows of its table."""
        return self.objects or self.categories

    def to_json(self) -> dict:
        """The result as plain values, ready for `json.dump`.

        "objects" or "categories" are the rows. "frames" maps a sequence to {"names": [...],
        "J": {id: [...]}, "F": {id: [...]}}, with None in frames that do not count for an object.
        """
        rows = {"objects": self.objects, "categories": self.categories}
        return {
            "protocol": self.protocol,
            **self.settings,
            "global": numbers(self.figures),
            **{name: [_row(part) for part in parts] for name, parts in rows.items() if parts},
            **({"frames": _frames(self.objects)} if self.objects else {}),
            "notes": list(self.notes),
        }

    def to_csv(self) -> str:
        """One line for the whole ("global"), then one for each part; full precision."""
        rows = [_row(part) for part in self.parts]
        keys = list(self.parts[0].keys) if rows else ["category"]
        rows.insert(0, dict.fromkeys(keys, "") | {keys[0]: "global"} | numbers(self.figures))
        columns = list(dict.fromkeys(name for row in rows for name in row))
        out = io.StringIO()
        writer = csv.DictWriter(out, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()


def means(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each figure over the rows that have it, a row counting the same as any other."""
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: mean(np.array([row.get(name, math.nan) for row in rows])) for name in names}


def numbers(figures: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: None."""
    return {name: None if math.isnan(value) else value for name, value in figures.items()}


def _row(part: ObjectScores | CategoryScores) -> dict:
    row = part.keys | numbers(part.figures)
    proposal = part.proposal if isinstance(part, ObjectScores) else None
    return row if proposal is None else row | {"proposal": proposal}


def _frames(objects: Iterable[ObjectScores]) -> dict:
    """Values by sequence, measure and object, all on the sequence's own list of frames."""
    found: dict = {}
    for o in objects:
        found.setdefault(o.sequence, []).append(o)
    return {name: _sequence_frames(members) for name, members in found.items()}


def _sequence_frames(members: Sequence[ObjectScores]) -> dict:
    names = sorted({frame for o in members for frame in o.frames})
    curves = {
        measure: {str(o.id): aligned(o, measure, names) for o in members}
        for measure in members[0].values
    }
    return {"names": names, **curves}


def aligned(scores: ObjectScores, measure: str, names: Sequence[str]) -> list[float | None]:
    """One value for each of these frames; None where none counts for the object."""
    values = dict(zip(scores.frames, scores.values[measure].tolist(), strict=True))
    return list(numbers({name: values.get(name, math.nan) for name in names}).values())
