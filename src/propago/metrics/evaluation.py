"""What an evaluation found: per object and frame, per object, and over all objects."""

import csv
import io
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from propago.io.formats.sequence_folders import SequenceFiles
from propago.metrics.statistics import decay, mean, recall


@dataclass(frozen=True)
class Summary:
    """The figures that are reported, as fractions; NaN where undefined.

    Attributes:
        J_mean: region similarity, mean over frames; higher is better.
        J_recall: share of frames with J above 0.5.
        J_decay: first quarter of the frames minus the last; lower is better.
        F_mean: boundary accuracy, mean over frames.
        F_recall: share of frames with F above 0.5.
        F_decay: as J_decay.
        T_mean: temporal instability, mean over frames; lower is better; None where not measured.
    """

    J_mean: float
    J_recall: float
    J_decay: float
    F_mean: float
    F_recall: float
    F_decay: float
    T_mean: float | None = None

    @property
    def J_and_F(self) -> float:  # noqa: N802
        """(J_mean + F_mean) / 2, the figure that ranks methods."""
        return (self.J_mean + self.F_mean) / 2

    def to_json(self) -> dict[str, float | None]:
        """Figures by name, "J&F" first; undefined ones None, "T_mean" only where measured."""
        figures = {"J&F": self.J_and_F} | {
            name: getattr(self, name)
            for name in ("J_mean", "J_recall", "J_decay", "F_mean", "F_recall", "F_decay")
        }
        if self.T_mean is not None:
            figures["T_mean"] = self.T_mean
        return {name: _number(value) for name, value in figures.items()}


@dataclass(frozen=True)
class ObjectScores:
    """One object of one sequence.

    Attributes:
        sequence: name of the sequence.
        id: the object's id in the ground truth.
        frames: names of the T frames that count for it, in order.
        J: (T,) float64 region similarity in [0, 1].
        F: (T,) float64 boundary accuracy in [0, 1].
        T: (T,) float64 instability of the predicted outline against the frame before, NaN where
            either has none; None where the protocol does not measure it.
        proposal: the predicted id assigned to the object (unsupervised); None where ids are
            compared as they stand or no proposal is left for the object.
    """

    sequence: str
    id: int
    frames: tuple[str, ...]
    J: np.ndarray
    F: np.ndarray
    T: np.ndarray | None = None
    proposal: int | None = None

    @cached_property
    def summary(self) -> Summary:
        """Statistics over the object's frames."""
        return Summary(
            *(statistic(scores) for scores in (self.J, self.F) for statistic in STATISTICS),
            T_mean=None if self.T is None else mean(self.T),
        )


STATISTICS = (mean, recall, decay)


@dataclass(frozen=True)
class Evaluation:
    """The result of `propago.evaluate`.

    Attributes:
        protocol: name of the protocol.
        official: whether the official tool's rules were followed to the bit.
        tolerance_px: boundary tolerance; None: 0.8 % of the diagonal.
        objects: scores of all objects, by sequence, then by id (in official unsupervised
            evaluation by proposal, as the official tool lists them).
        sequences: the evaluated files, for reports.
        notes: what a reader should know, e.g. an object without an evaluated frame.
    """

    protocol: str
    official: bool
    tolerance_px: int | None
    objects: tuple[ObjectScores, ...]
    sequences: tuple[SequenceFiles, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def summary(self) -> Summary:
        """Means over all objects of all sequences, an object counting the same in each."""
        rows = [o.summary for o in self.objects]
        names = ("J_mean", "J_recall", "J_decay", "F_mean", "F_recall", "F_decay")
        means = [float(np.mean([getattr(row, name) for row in rows])) for name in names]
        stable = [row.T_mean for row in rows if row.T_mean is not None]
        return Summary(*means, T_mean=mean(np.array(stable)) if stable else None)

    def to_json(self) -> dict:
        """The result as plain values, ready for `json.dump`.

        "frames" maps a sequence to {"names": [...], "J": {id: [...]}, "F": {id: [...]}}, with
        None in frames that do not count for an object.
        """
        return {
            "protocol": self.protocol,
            "official": self.official,
            "tolerance_px": self.tolerance_px,
            "global": self.summary.to_json(),
            "objects": [_object_row(o) for o in self.objects],
            "frames": _frames(self.objects),
            "notes": list(self.notes),
        }

    def to_csv(self) -> str:
        """One line for the whole ("global"), then one for each object; full precision."""
        rows = [{"sequence": "global", "id": ""} | self.summary.to_json()]
        rows += [_object_row(o) for o in self.objects]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        out = io.StringIO()
        writer = csv.DictWriter(out, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()


def _object_row(scores: ObjectScores) -> dict:
    row = {"sequence": scores.sequence, "id": scores.id} | scores.summary.to_json()
    return row if scores.proposal is None else row | {"proposal": scores.proposal}


def _frames(objects: tuple[ObjectScores, ...]) -> dict:
    """Scores by sequence, measure and object, all on the sequence's own list of frames."""
    found: dict = {}
    for name in dict.fromkeys(o.sequence for o in objects):
        members = [o for o in objects if o.sequence == name]
        names = sorted({frame for o in members for frame in o.frames})
        tables = {"J": [o.J for o in members], "F": [o.F for o in members]}
        if all(o.T is not None for o in members):
            tables["T"] = [o.T for o in members if o.T is not None]
        found[name] = {"names": names} | {
            measure: {
                str(o.id): _aligned(names, o.frames, scores)
                for o, scores in zip(members, table, strict=True)
            }
            for measure, table in tables.items()
        }
    return found


def _aligned(names: list[str], frames: tuple[str, ...], scores: np.ndarray) -> list[float | None]:
    values = dict(zip(frames, scores.tolist(), strict=True))
    return [_number(values.get(name, math.nan)) for name in names]


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value
