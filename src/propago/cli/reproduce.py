"""`propago reproduce`: a table of a paper, its values beside ours."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from propago.cli.arguments import parse
from propago.cli.progress import frame_progress
from propago.jobs.reproduce.options import ReproduceOptions

if TYPE_CHECKING:
    from propago.report.paper_table import PaperTable


@dataclass(frozen=True)
class ReproduceArguments:
    """Make a table of a paper again: our values beside the paper's, and what differs.

    Finished cells are kept in the output folder: the same command goes on with an interrupted one.
    """

    paper: tyro.conf.Positional[
        Annotated[Literal["seg-with-spn"], tyro.conf.arg(metavar="{seg-with-spn}")]
    ]
    """Which paper: seg-with-spn (Cheng et al. 2017)."""
    table: Literal[1, 2, 3]
    """Which of its tables."""
    data: Path
    """A DAVIS root: JPEGImages and Annotations."""
    run: tyro.conf.OmitArgPrefixes[ReproduceOptions]


def run(argv: list[str]) -> int:
    """Make the table, print it with what differs, and say where it is."""
    arguments = parse(ReproduceArguments, argv, "reproduce")
    from propago.jobs.reproduce.seg_with_spn import reproduce_seg_with_spn

    with frame_progress() as progress:
        made = reproduce_seg_with_spn(
            arguments.table,
            arguments.data,
            arguments.run,
            progress=progress,
            tuning=progress.tuning,
        )
    _print(made.table)
    print(f"csv   {made.csv}\nhtml  {made.html}")
    return 0


def _print(table: "PaperTable") -> None:
    """Our figures of each row, the paper's below; then what differs."""
    name_width = max(len(line.name) for line in table.lines)
    widths = [max(6, len(column)) for column in table.columns]

    def show(name: str, cells: Iterable[str]) -> None:
        padded = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        print(f"{name:<{name_width}}  {'  '.join(padded)}")

    print(f"{table.title}\n")
    show("", table.columns)
    for line in table.lines:
        show(line.name, map(table.shown, line.ours))
        show("  paper", map(table.shown, line.paper))
    print()
    for note in table.notes:
        print(note)
