"""`propago eval`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.table import Table

from propago.cli.arguments import parse
from propago.cli.progress import frame_progress
from propago.io.atomic import replacing
from propago.jobs.evaluate import evaluate
from propago.metrics.evaluation import Evaluation

ROWS_ON_A_SCREEN = 40
File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]


@dataclass(frozen=True)
class EvalArguments:
    """Measure masks against ground truth: J, F, J&F, and T where the protocol has it.

    Every missing frame, other size or unknown object is an error that names the file.
    """

    results: tyro.conf.Positional[
        Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RESULTS [RESULTS ...]")]
    ]
    """Folders of results: one folder of PNG masks a sequence, or a single sequence. Several
    are shown side by side."""
    gt: Path
    """The ground truth, likewise; or the root of a DAVIS or YouTube-VOS data set."""
    protocol: Literal["davis2017", "davis2016", "davis-unsupervised", "youtube-vos"] = "davis2017"
    """The rules: docs/evaluation.md spells them out."""
    official: bool = False
    """Follow the DAVIS tools to the bit, their quirks included."""
    tolerance_px: int | None = None
    """Distance in pixels at which boundaries match; 0.8 % of the diagonal if left out."""
    sequences: tuple[str, ...] = ()
    """Names of the sequences to evaluate, or one text file of names; all if left out."""
    jobs: int = 1
    """Processes to share the work among."""
    objects: bool = False
    """A line for every object, however many there are."""
    json: File = None
    """Write all figures, per frame too, to this file."""
    csv: File = None
    """Write the figures of every object to this file."""


def run(argv: list[str]) -> int:
    """Evaluate, print a table, write files."""
    arguments = parse(EvalArguments, argv, "eval")
    found: dict[str, Evaluation] = {}
    with frame_progress() as progress:
        for results in arguments.results:
            found[str(results)] = evaluate(
                results,
                arguments.gt,
                arguments.protocol,
                official=arguments.official,
                tolerance_px=arguments.tolerance_px,
                jobs=arguments.jobs,
                sequences=_sequences(arguments.sequences),
                progress=progress,
            )
    for note in dict.fromkeys(note for evaluation in found.values() for note in evaluation.notes):
        print(f"note: {note}", file=sys.stderr)
    if arguments.json:
        with replacing(arguments.json) as temporary:
            temporary.write_text(json.dumps(_to_json(found), allow_nan=False))
    if arguments.csv:
        with replacing(arguments.csv) as temporary:
            temporary.write_text(_to_csv(found))
    Console().print(_table(found, arguments.objects))
    return 0


def _sequences(named: tuple[str, ...]) -> tuple[str, ...] | str | None:
    if len(named) == 1 and Path(named[0]).is_file():
        return named[0]
    return named or None


def _to_json(found: dict[str, Evaluation]) -> dict:
    """One evaluation as it is; several by folder."""
    if len(found) == 1:
        return next(iter(found.values())).to_json()
    return {results: evaluation.to_json() for results, evaluation in found.items()}


def _to_csv(found: dict[str, Evaluation]) -> str:
    """One evaluation as it is; several with the folder in front of each line."""
    if len(found) == 1:
        return next(iter(found.values())).to_csv()
    lines = []
    for results, evaluation in found.items():
        header, *rows = evaluation.to_csv().splitlines()
        lines += [] if lines else [f"results,{header}"]
        lines += [f'"{results}",{row}' for row in rows]
    return "\n".join(lines) + "\n"


def _table(found: dict[str, Evaluation], every_object: bool) -> Table:
    first = next(iter(found.values()))
    rules = f"{first.protocol}{', official' if first.official else ''}"
    tolerance = "" if first.tolerance_px is None else f", tolerance {first.tolerance_px} px"
    table = Table(title=f"{rules}{tolerance}: {len(first.objects)} objects")
    figures = list(first.summary.to_json())
    for name in ("results", "sequence", "id", *figures):
        table.add_column(name, justify="left" if name in ("results", "sequence") else "right")
    rows = sum(len(evaluation.objects) for evaluation in found.values())
    for results, evaluation in found.items():
        if every_object or rows <= ROWS_ON_A_SCREEN:
            for o in evaluation.objects:
                table.add_row("", o.sequence, str(o.id), *_shown(o.summary.to_json()))
        table.add_row(
            results,
            "global",
            "",
            *_shown(evaluation.summary.to_json()),
            style="bold",
            end_section=True,
        )
    return table


def _shown(figures: dict[str, float | None]) -> list[str]:
    return ["-" if value is None else f"{value:.3f}" for value in figures.values()]
