"""Tables whose cells are figures of a whole part of the data, each kept in a file."""

import json
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any, Protocol

import torch

from propago.papers.cells import keep_json
from propago.report.paper_table import PaperTable
from propago.runs.options import Progress

Figures = Mapping[str, float | None]
"""By name; None where there is nothing to measure."""

FigureCells = Mapping[str, Mapping[str, Figures]]
"""By row and part."""


class FigureTables(Protocol):
    """The tables of a paper whose cells are figures; `PAPERS` names what makes one of options.

    Attributes:
        tables: by number the rows that a table is made of.
        device: where the networks run.
    """

    tables: Mapping[int, tuple[str, ...]]
    device: torch.device

    def setup(self) -> dict[str, Any]:
        """What decides the cells, beside the options, as JSON values."""
        ...

    def parts(self, data: Path) -> Mapping[str, Any]:
        """What is measured on, by name."""
        ...

    def figures(self, row: str, part: Any) -> Figures:
        """Measure a row on a part."""
        ...

    def made_of(self, table: int, cells: FigureCells) -> PaperTable:
        """The table, with what differs from the paper."""
        ...


def figure_cells(
    tables: FigureTables,
    rows: Sequence[str],
    parts: Mapping[str, Any],
    out: Path,
    progress: Progress | None,
) -> FigureCells:
    """The cells of some rows of a table, those made that are not in `out` yet."""
    done = 0
    cells: dict[str, dict[str, Figures]] = {row: {} for row in rows}
    for row in rows:
        for name, part in parts.items():
            if progress:
                progress(done, len(rows) * len(parts), f"{row}: {name}")
            cells[row][name] = _cell(tables, row, part, out / "cells" / row / f"{name}.json")
            done += 1
    return cells


def _cell(tables: FigureTables, row: str, part: Any, path: Path) -> Figures:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        measured = tables.figures(row, part)
        found = {n: None if v is None or isnan(v) else float(v) for n, v in measured.items()}
    keep_json(path, found)
    return found
