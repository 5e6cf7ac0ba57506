"""`propago reproduce`: a table of a paper, its values beside ours."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from propago.cli.arguments import parse
from propago.cli.progress import frame_progress
from propago.papers import PAPERS
from propago.papers.options import ReproduceOptions

if TYPE_CHECKING:
    from propago.report.paper_table import PaperTable


@dataclass(frozen=True)
class ReproduceArguments:
    """Make a table of a paper again: our values beside the paper's, and what differs.

    Finished cells are kept in the output folder: the same command goes on with an interrupted one.

    Examples:
        propago reproduce seg-with-spn --table 1 --data DAVIS
        propago reproduce masktrack-rcnn --table 1 --data DAVIS --set val
        propago reproduce mask-rcnn --table 1 --data COCO
        propago reproduce zoo --data DAVIS --end 24 --rows rgmp rgmp+SPN
    """

    paper: tyro.conf.Positional[
        Annotated[str, tyro.conf.arg(help=f"Which paper: {', '.join(PAPERS)}.")]
    ]
    data: Path
    """A DAVIS root: JPEGImages and Annotations. Of mask-rcnn and bridging a COCO folder (images/
    and instances.json), or the data root of `propago train`."""
    run: tyro.conf.OmitArgPrefixes[ReproduceOptions]
    table: int = 1
    """Which of its tables."""


def run(argv: list[str]) -> int:
    """Make the table, print it with what differs, and say where it is."""
    arguments = parse(ReproduceArguments, argv, "reproduce")
    from propago.papers.reproduce import reproduce

    with frame_progress() as progress:
        made = reproduce(
            arguments.paper,
            arguments.table,
            arguments.data,
            arguments.run,
            progress=progress.of_many,
            finetune_progress=progress.fine_tuning,
        )
    _print(made.table)
    print(f"csv   {made.csv}\nhtml  {made.html}")
    return 0


def _print(table: "PaperTable") -> None:
    """In each cell our figure, the paper's beside it; then what differs."""
    names = ["ours (paper)", *(line.name for line in table.lines)]
    columns = [[f"{name:<{max(map(len, names))}}" for name in names]]
    for n, column in enumerate(table.columns):
        ours = [table.shown(line.ours[n]) for line in table.lines]
        paper = [f"({table.shown(line.paper[n])})" for line in table.lines]
        cells = [f"{o} {p:<{max(map(len, paper))}}" for o, p in zip(ours, paper, strict=True)]
        columns.append([f"{cell:>{max(map(len, cells))}}" for cell in (column, *cells)])
    print(f"{table.title}\n")
    for row in zip(*columns, strict=True):
        print("  ".join(row).rstrip())
    print()
    for note in table.notes:
        print(note)
