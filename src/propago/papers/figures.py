"""Tables whose cells are figures of a whole part of the data, each kept in a file."""

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from propago.papers.cells import keep_json
from propago.papers.tables import PaperTables
from propago.runs.options import Progress

Figures = Mapping[str, float | None]
"""By name; None where there is nothing to measure."""

FigureCells = Mapping[str, Mapping[str, Figures]]
"""By row and part."""


class FigureTables(PaperTables):
    """Tables whose cells are figures."""

    @abstractmethod
    def figures(self, row: str, part: Any) -> Figures:
        """Measure a row on a part."""

    def cells(
        self,
        rows: Sequence[str],
        parts: Mapping[str, Any],
        data: Path,
        out: Path,
        progress: Progress | None,
    ) -> FigureCells:
        """The figures of each row and part."""
        done = 0
        cells: dict[str, dict[str, Figures]] = {row: {} for row in rows}
        for row in rows:
            for name, part in parts.items():
                if progress:
                    progress(done, len(rows) * len(parts), f"{row}: {name}")
                cells[row][name] = self._cell(row, part, out / "cells" / row / f"{name}.json")
                done += 1
        return cells

    def _cell(self, row: str, part: Any, path: Path) -> Figures:
        try:
            return dict(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            measured = self.figures(row, part)
            found = {n: None if v is None or isnan(v) else float(v) for n, v in measured.items()}
        keep_json(path, found)
        return found
