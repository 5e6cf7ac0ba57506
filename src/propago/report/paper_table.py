"""A paper's table beside ours: as CSV, and as an HTML page that needs no other file."""

import csv
import io
from dataclasses import dataclass

from propago.report.page import templates

ALL = "all"

Figures = tuple[float | None, ...]


@dataclass(frozen=True)
class Line:
    """Figures of one row.

    Attributes:
        name: of the row.
        ours: one for each column; None where there is no value.
        paper: the same, as printed in the paper.
        parts: our figures by sequence.
    """

    name: str
    ours: Figures
    paper: Figures
    parts: tuple[tuple[str, Figures], ...] = ()


@dataclass(frozen=True)
class PaperTable:
    """A table of a paper, reproduced.

    Attributes:
        title: which one.
        columns: names of the figures.
        lines: its rows.
        notes: what differs from the paper, in sentences.
    """

    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    def shown(self, value: float | None) -> str:
        """A figure as text; a dash where there is none."""
        return "-" if value is None else f"{value:z.3f}"

    def to_csv(self) -> str:
        """A line for each row, then one for each of its sequences; full precision."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        named = [f"{column} {side}" for side in ("ours", "paper") for column in self.columns]
        writer.writerow(["row", "sequence", *named])
        for line in self.lines:
            writer.writerow([line.name, ALL, *line.ours, *line.paper])
            for sequence, figures in line.parts:
                writer.writerow([line.name, sequence, *figures, *[None] * len(self.columns)])
        return out.getvalue()

    def to_html(self) -> str:
        """The page."""
        return templates().get_template("paper_table.html").render(table=self)
