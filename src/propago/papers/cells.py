"""Finished cells of a table: a sequence in a row. Each is a file, and is not computed again."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from propago.errors import OutputError, UsageError
from propago.io.atomic import make_folder, write_text
from propago.report.paper_table import Figures, Line

SETUP = "setup.json"


@dataclass(frozen=True)
class ObjectFigures:
    """What an object scored in a sequence."""

    id: int
    J_mean: float
    J_recall: float
    F_mean: float
    F_recall: float


@dataclass(frozen=True)
class Cell:
    """A sequence, done in one way.

    Attributes:
        sequence: its name.
        objects: their scores.
        seconds: of each part, together.
        counts: frames, objects or fine-tunings that `seconds` are of.
        resident_mb: the most that the process held in memory; 0 where that is not known.
    """

    sequence: str
    objects: tuple[ObjectFigures, ...]
    seconds: Mapping[str, float]
    counts: Mapping[str, int]
    resident_mb: int = 0


FIGURES = ("J_mean", "J_recall", "F_mean", "F_recall")
"""Of an object."""


def means(cells: Iterable[Cell], *names: str) -> list[float]:
    """The mean of each figure over all objects."""
    rows = [o for cell in cells for o in cell.objects]
    return [sum(getattr(o, name) for o in rows) / len(rows) for name in names]


def line_of(
    name: str,
    cells: Sequence[Cell],
    measured: Callable[[Sequence[Cell]], Figures],
    paper: Figures,
) -> Line:
    """The line of a row: what is measured over all its cells, and of each sequence.

    Args:
        name: of the line.
        cells: of the row.
        measured: the figures of the columns.
        paper: the same, as printed in the paper.
    """
    by_sequence = tuple((cell.sequence, measured([cell])) for cell in cells)
    return Line(name, measured(cells), paper, by_sequence)


def read_cell(path: Path) -> Cell | None:
    """The cell kept in a file; None where there is none, or a damaged one."""
    try:
        told = json.loads(path.read_text("utf-8"))
        return Cell(
            told["sequence"],
            tuple(ObjectFigures(**row) for row in told["objects"]),
            told["seconds"],
            told["counts"],
            told.get("resident_mb", 0),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_setup(folder: Path, setup: Mapping[str, Any]) -> None:
    """Make `folder` hold cells of this setup, and refuse one that holds those of another.

    Args:
        folder: made where it is missing.
        setup: what decides the cells; can be written as JSON.

    Raises:
        UsageError: it holds cells of another setup; the message says what differs.
        OutputError: it cannot be made or read.
    """
    path = folder / SETUP
    if not path.exists():
        keep_json(path, setup)
        return
    try:
        before = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} is damaged ({error}); choose another `out`") from error
    for name, value in json.loads(json.dumps(setup)).items():
        if before.get(name) != value:
            raise UsageError(
                f"{folder} holds cells made with another {name} (then {before.get(name)!r}, now "
                f"{value!r}); choose another `out`"
            )


def keep_json(path: Path, told: Mapping[str, Any]) -> None:
    """Keep JSON values in a file, whose folder is made where it is missing.

    Raises:
        OutputError: it cannot be written.
    """
    make_folder(path.parent)
    write_text(path, json.dumps(told, indent=1) + "\n")
