"""`propago reproduce`: a table of a paper, its values beside ours, from one command."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from propago import __version__
from propago.annotation.gather import gather_annotations
from propago.clock import Clock
from propago.components import component, imported
from propago.errors import UsageError
from propago.finetune.fine_tuning import FineTuneProgress
from propago.io.atomic import write_text
from propago.io.source import Source
from propago.jobs.evaluate import evaluate
from propago.jobs.options import SegmentOptions
from propago.jobs.parts import Parts
from propago.jobs.segment import segment_source
from propago.papers.cells import Cell, ObjectFigures, keep_json, keep_setup, read_cell
from propago.papers.figures import FigureTables, figure_cells
from propago.papers.options import ReproduceOptions
from propago.papers.papers import PAPERS
from propago.papers.sequences import chosen, truth_of
from propago.report.paper_table import PaperTable
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import processor, resident_mb

RUNS = Path("runs/reproduce")
FIGURES = ("J_mean", "J_recall", "F_mean", "F_recall")


class PaperTables(Protocol):
    """The tables of a paper; `PAPERS` names what makes one of options and a `FineTuneProgress`.

    Attributes:
        tables: by number the rows that a table is made of.
        device: where the networks run.
    """

    tables: Mapping[int, tuple[str, ...]]
    device: torch.device

    def setup(self) -> dict[str, Any]:
        """What decides the cells, beside the options, as JSON values."""
        ...

    def parts(self, row: str, clock: Clock) -> Parts:
        """What the row is run with; `clock` counts the seconds of its parts."""
        ...

    def made_of(self, table: int, cells: Mapping[str, Sequence[Cell]]) -> PaperTable:
        """The table, from the cells of its rows, with what differs from the paper."""
        ...


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
    options, data = options or ReproduceOptions(), Path(data)
    kind = imported(component(PAPERS, paper, "`paper`").path)
    if table not in kind.tables:
        raise UsageError(
            f"`table` {table}: {paper} has the tables {', '.join(map(str, kind.tables))}"
        )
    begin = _figures if hasattr(kind, "figures") else _sequences
    work = begin(kind, table, data, options, progress, finetune_progress)
    tables, out = work.tables, options.out or RUNS / paper / options.preset
    with processor(options.threads, seed=0):
        machine = {"device": device_name(tables.device), "threads": torch.get_num_threads()}
        setup = {"data": str(data.resolve()), "finetune": options.finetune, **machine}
        setup |= {"end": options.end, "every": options.every}
        keep_setup(out, {**setup, "propago": __version__, **tables.setup()})
        made = tables.made_of(table, work.cells(out))
    notes = (
        f"Data: {', '.join(work.parts)} of {data.resolve().name}.",
        f"Machine: {machine['device']}, processor threads: {machine['threads']}.",
        *work.notes,
    )
    made = replace(made, notes=(*notes, *made.notes))
    return Reproduced(made, *_written(made, out / f"table{table}"))


@dataclass(frozen=True)
class _Work:
    """The tables of a paper, what they are measured on, and what makes the cells of one."""

    tables: Any
    parts: tuple[str, ...]
    cells: Callable[[Path], Any]
    notes: tuple[str, ...] = ()


def _figures(
    kind: Any,
    table: int,
    data: Path,
    options: ReproduceOptions,
    progress: Progress | None,
    _: FineTuneProgress | None,
) -> _Work:
    """Figures of whole parts of the data."""
    rows = wanted_rows(kind.tables[table], options.rows)
    tables: FigureTables = kind(options)
    parts = tables.parts(data)
    return _Work(tables, tuple(parts), lambda out: figure_cells(tables, rows, parts, out, progress))


def _sequences(
    kind: Any,
    table: int,
    data: Path,
    options: ReproduceOptions,
    progress: Progress | None,
    finetune_progress: FineTuneProgress | None,
) -> _Work:
    """Sequences, segmented from their first masks."""
    sources, rows = chosen(data, options), wanted_rows(kind.tables[table], options.rows)
    tables: PaperTables = kind(options, finetune_progress)

    def cells(out: Path) -> dict[str, list[Cell]]:
        return {
            row: [_cell(row, source, tables, data, out, options, progress) for source in sources]
            for row in rows
        }

    scored = f"Scores: propago eval, protocol davis2017, mean over objects{_part_of(options)}."
    return _Work(tables, tuple(source.name for source in sources), cells, (scored,))


def wanted_rows(there: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The rows that are wanted, in the order of the table; all where none is named.

    Raises:
        UsageError: the table has no such row.
    """
    for name in wanted:
        if name not in there:
            raise UsageError(f"`rows` {name}: the table has {', '.join(there)}")
    return tuple(row for row in there if row in wanted) if wanted else tuple(there)


def _part_of(options: ReproduceOptions) -> str:
    """Which frames of a sequence, in words; empty for all."""
    upto = f", the first {options.end} frames" if options.end else ""
    return f"{upto}, every {options.every}. frame" if options.every > 1 else upto


def device_name(device: torch.device) -> str:
    """The name of a GPU; the kind of any other device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {device.type}"


def _cell(
    row: str,
    source: Source,
    tables: PaperTables,
    data: Path,
    out: Path,
    options: ReproduceOptions,
    progress: Progress | None,
) -> Cell:
    """The finished cell; made now if there is none."""
    path = out / "cells" / row / f"{source.name}.json"
    if finished := read_cell(path):
        return finished
    masks, clock = out / "masks" / row, Clock()
    folder = OutputFolder(masks / source.name)
    untimed = folder.read_record().get("frames") == source.frame_count
    memory = [resident_mb()]

    def tell(done: int, total: int | None, what: str) -> None:
        memory.append(resident_mb())
        if progress:
            progress(done, total, f"{row}: {what}")

    segment_source(
        source,
        gather_annotations(source, [data], (), only_first=True),
        tables.parts(row, clock),
        folder,
        SegmentOptions(overlay=False, overwrite=untimed, resume=not untimed),
        tell,
        clock,
    )
    scored = evaluate(masks, truth_of(data, source, out / "truth"), set=[source.name])
    objects = [ObjectFigures(o.id, *(o.figures[name] for name in FIGURES)) for o in scored.objects]
    cell = Cell(source.name, tuple(objects), clock.seconds, clock.counts, max(memory))
    keep_json(path, asdict(cell))
    return cell


def _written(table: PaperTable, path: Path) -> tuple[Path, Path]:
    """The files of a table; `path` is theirs without what tells them apart."""
    csv, html = path.with_suffix(".csv"), path.with_suffix(".html")
    for file, text in ((csv, table.to_csv()), (html, table.to_html())):
        write_text(file, text)
    return csv, html
