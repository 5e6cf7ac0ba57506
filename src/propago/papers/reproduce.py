"""`propago reproduce`: a table of a paper, its values beside ours, from one command."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from propago import __version__
from propago.components import component, imported
from propago.errors import SourceError, UsageError
from propago.finetune.fine_tuning import FineTuneProgress
from propago.io.atomic import write_text
from propago.io.places import place_of
from propago.papers import PAPERS
from propago.papers.cells import keep_setup
from propago.papers.options import ReproduceOptions
from propago.papers.tables import PaperTables
from propago.report.paper_table import PaperTable
from propago.runs.options import Progress
from propago.runs.processor import processor

RUNS = Path("runs/reproduce")


@dataclass(frozen=True)
class Reproduced:
    """A table of a paper beside ours, and the files it was written to."""

    table: PaperTable
    csv: Path
    html: Path


def reproduce(
    paper: str,
    table: int,
    data: str | Path,
    options: ReproduceOptions | None = None,
    *,
    progress: Progress | None = None,
    finetune_progress: FineTuneProgress | None = None,
) -> Reproduced:
    """Make a table of a paper with the networks there are, its values beside ours.

    Every cell, a sequence or set of pictures in a row, is a file in the output folder and is not
    made again. Tables share their rows; rows share fine-tuned networks, which the cache keeps.

    Args:
        paper: a name in `PAPERS`.
        table: its number in the paper.
        data: a DAVIS root; of detectors a COCO folder, or a data root as for `train`.
        options: what can be set.
        progress: called as (frames done, frames in all, what is being done).
        finetune_progress: as for `segment`.

    Raises:
        UsageError: no such paper, table or sequence, or the folder holds cells of another setup.
        WeightsError: no such weights.
        SourceError: no DAVIS root, or a sequence of it that cannot be read or has no ground truth.
        OutputError: results cannot be written.
        KeyboardInterrupt: the same call goes on.
    """
    options, data = options or ReproduceOptions(), place_of(data, "data")
    kind = imported(component(PAPERS, paper, "paper").path)
    if table not in kind.tables:
        raise UsageError(
            f"`table` {table}: {paper} has the tables {', '.join(map(str, kind.tables))}"
        )
    if not data.exists():
        said = f"{data} does not exist; `data` is a DAVIS root, of detectors a COCO folder, too"
        raise SourceError(said).of_argument()
    rows = wanted_rows(kind.tables[table], options.rows)
    out = options.out or RUNS / paper / options.preset
    tables: PaperTables = kind(options, finetune_progress)
    parts = tables.parts(data)
    with processor(options.threads, seed=0):
        machine = {"device": device_name(tables.device), "threads": torch.get_num_threads()}
        setup = {"data": str(data.resolve()), "finetune": options.finetune, **machine}
        setup |= {"end": options.end, "every": options.every}
        keep_setup(out, {**setup, "propago": __version__, **tables.setup()})
        made = tables.made_of(table, tables.cells(rows, parts, data, out, progress))
    notes = (
        f"Data: {', '.join(parts)} of {data.resolve().name}.",
        f"Machine: {machine['device']}, processor threads: {machine['threads']}.",
        *tables.scored(),
    )
    made = replace(made, notes=(*notes, *made.notes))
    return Reproduced(made, *_written(made, out / f"table{table}"))


def wanted_rows(there: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The rows that are wanted, in the order of the table; all where none is named.

    Raises:
        UsageError: the table has no such row.
    """
    for name in wanted:
        if name not in there:
            raise UsageError(f"`rows` {name}: the table has {', '.join(there)}")
    return tuple(row for row in there if row in wanted) if wanted else tuple(there)


def device_name(device: torch.device) -> str:
    """The name of a GPU; the kind of any other device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {device.type}"


def _written(table: PaperTable, path: Path) -> tuple[Path, Path]:
    """The files of a table; `path` is theirs without what tells them apart."""
    csv, html = path.with_suffix(".csv"), path.with_suffix(".html")
    for file, text in ((csv, table.to_csv()), (html, table.to_html())):
        write_text(file, text)
    return csv, html
