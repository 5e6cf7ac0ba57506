"""`propago eval`."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from propago.cli.arguments import parse
from propago.cli.progress import frame_progress
from propago.cli.remote import address_of
from propago.errors import UsageError
from propago.io.atomic import write_text

if TYPE_CHECKING:
    from propago.metrics.evaluation import CategoryScores, Evaluation, ObjectScores
    from propago.metrics.identity import Identity

ROWS_ON_A_SCREEN = 40
FIGURES_IN_A_LINE = 8
_BETWEEN_COLUMNS = 2
Rules = Literal[
    "davis2017",
    "davis2016",
    "davis-unsupervised",
    "youtube-vos",
    "youtube-vis",
    "identity",
    "coco",
    "semantic",
]
File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]


@dataclass(frozen=True)
class EvalArguments:
    """Measure results against ground truth: J&F, track AP, AP, AP^r or mIoU.

    What the files are decides: folders of label maps, runs of track (HOTA, MOTA, identity
    switches), YouTube-VIS or COCO files, class maps.

    Every missing frame, other size or unknown object is an error that names the file.

    Examples:
        propago eval results --gt DAVIS --report report.html --images DAVIS
        propago eval mine theirs --gt ground_truth --csv figures.csv
    """

    results: tyro.conf.Positional[
        Annotated[tuple[Path, ...], tyro.conf.arg(metavar="RESULTS [RESULTS ...]")]
    ]
    """Folders of results: one folder of PNG masks a sequence, or a single sequence; or JSON files.
    Several are shown side by side."""
    gt: Path
    """The ground truth, likewise; or the root of a DAVIS, YouTube-VOS or VOC data set."""
    protocol: Rules | None = None
    """The rules, spelled out in docs/evaluation.md; if left out those of the kind of the files,
    davis2017 for label maps."""
    official: bool = False
    """Follow the DAVIS tools to the bit, their quirks included."""
    tolerance_px: int | None = None
    """Distance in pixels at which boundaries match; 0.8 % of the diagonal if left out."""
    metrics: tuple[str, ...] = ()
    """What is measured, e.g. J&F T; what the protocol has if left out."""
    set: Annotated[tuple[str, ...], tyro.conf.arg(aliases=("--sequences",))] = ()
    """The sequences to evaluate: a text file of names, a name in the ground truth's ImageSets such
    as val, or the names themselves; all if left out."""
    jobs: int = 1
    """Processes to share the sequences among."""
    cluster: str | None = None
    """They are workers of a Ray cluster: local, ray, or ray://HOST:PORT; its machines have the
    same folders."""
    objects: bool = False
    """A line for every object, however many there are."""
    json: File = None
    """Write all figures, per frame too, to this file."""
    csv: File = None
    """Write the figures of every object to this file."""
    identity: bool = False
    """HOTA, MOTA and identity switches besides: a second table, and an entry of the JSON. Objects
    that the ground truth lacks count there as false; J and F leave them out."""
    report: File = None
    """Write an HTML page: objects, curves, who was lost or swapped when, the worst frames."""
    images: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """The pictures behind the masks, for the report: a data set's root or a folder of sequences;
    for a single sequence its folder or video."""


def run(argv: list[str]) -> int:
    """Evaluate, print a table, write files."""
    arguments = parse(EvalArguments, argv, "eval")
    if arguments.images and not arguments.report:
        raise UsageError("--images is for the report: add --report FILE")
    from propago.jobs.evaluate import evaluate

    found: dict[str, Evaluation] = {}
    identities: dict[str, Identity] = {}
    named = {address_of(results): results for results in arguments.results}
    with frame_progress() as progress:
        for name, results in named.items():
            found[name] = evaluate(
                results,
                arguments.gt,
                arguments.protocol,
                official=arguments.official,
                tolerance_px=arguments.tolerance_px,
                jobs=arguments.jobs,
                cluster=arguments.cluster,
                metrics=arguments.metrics or None,
                set=_set(arguments.set),
                allow_extra=arguments.identity,
                progress=progress,
            )
        if arguments.identity:
            from propago.metrics.identity import evaluate_identity

            identities = {name: evaluate_identity(e, progress) for name, e in found.items()}
    for note in dict.fromkeys(note for evaluation in found.values() for note in evaluation.notes):
        print(f"note: {note}", file=sys.stderr)
    for table in (*_tables(found, arguments.objects), *_identity_tables(identities)):
        _print_whole(table)
    _write_files(arguments, found, identities)
    for name in ("json", "csv", "report"):
        if path := getattr(arguments, name):
            print(f"{name:<7}  {path}")
    return 0


def _write_files(
    arguments: EvalArguments, found: "dict[str, Evaluation]", identities: "dict[str, Identity]"
) -> None:
    if arguments.json:
        write_text(arguments.json, json.dumps(_to_json(found, identities), allow_nan=False))
    if arguments.csv:
        write_text(arguments.csv, _to_csv(found))
    if arguments.report:
        from propago.jobs.report import write_report

        with frame_progress() as progress:
            write_report(arguments.report, found, arguments.images, progress)


def _set(named: tuple[str, ...]) -> tuple[str, ...] | str | None:
    """One name is that of a list where there is such a list."""
    return named[0] if len(named) == 1 else named or None


def _to_json(found: "dict[str, Evaluation]", identities: "dict[str, Identity]") -> dict:
    """One evaluation as it is; several by folder. With "identity" where it was measured."""
    values = {results: evaluation.to_json() for results, evaluation in found.items()}
    for results, identity in identities.items():
        values[results]["identity"] = identity.to_json()
    return values if len(values) > 1 else next(iter(values.values()))


def _to_csv(found: "dict[str, Evaluation]") -> str:
    """One evaluation as it is; several with the folder in front of each line."""
    if len(found) == 1:
        return next(iter(found.values())).to_csv()
    lines = []
    for results, evaluation in found.items():
        header, *rows = evaluation.to_csv().splitlines()
        lines += [] if lines else [f"results,{header}"]
        lines += [f'"{results}",{row}' for row in rows]
    return "\n".join(lines) + "\n"


def _print_whole(table: Table) -> None:
    """Print a table; a screen that is too narrow for it breaks its lines and loses no column."""
    needed = sum((column.min_width or 0) + _BETWEEN_COLUMNS for column in table.columns)
    Console(width=max(Console().width, needed)).print(table)


def _tables(found: "dict[str, Evaluation]", every_object: bool) -> Iterator[Table]:
    """The objects of each folder, then the folders side by side."""
    if every_object or sum(len(e.parts) for e in found.values()) <= ROWS_ON_A_SCREEN:
        for results, evaluation in found.items():
            if evaluation.parts:
                yield _parts_table(results, evaluation.parts)
    yield _summary_table(found)


def _summary_table(found: "dict[str, Evaluation]") -> Table:
    """A line for each folder; a line for each figure where they are too many for a screen."""
    first = next(iter(found.values()))
    title, names = _rules(first), list(first.figures)
    if len(names) > FIGURES_IN_A_LINE:
        table = _numbers_table(title, ("figure",), list(found))
        for name in names:
            table.add_row(*_spoken([name]), *(_shown(e.figures.get(name)) for e in found.values()))
        return table
    table = _numbers_table(title, ("results",), _spoken(names))
    for results, evaluation in found.items():
        shown = [_shown(evaluation.figures.get(name)) for name in names]
        table.add_row(results, *shown, style="bold")
    return table


def _parts_table(results: str, parts: "Sequence[ObjectScores | CategoryScores]") -> Table:
    (first, *more), figures = parts[0].keys, list(parts[0].figures)
    table = _numbers_table(results, (first,), (*more, *_spoken(figures)))
    for part in parts:
        shown = [part.figures.get(name) for name in figures]
        table.add_row(*map(str, part.keys.values()), *map(_shown, shown))
    return table


def _rules(evaluation: "Evaluation") -> str:
    official = ", official" if evaluation.settings.get("official") else ""
    tolerance = evaluation.settings.get("tolerance_px")
    within = "" if tolerance is None else f", tolerance {tolerance} px"
    what = "objects" if evaluation.objects else "categories"
    parts = f": {len(evaluation.parts)} {what}" if evaluation.parts else ""
    return f"{evaluation.protocol}{official}{within}{parts}"


def _identity_tables(identities: "dict[str, Identity]") -> Iterator[Table]:
    """For each folder a line for every sequence, then one for all of them."""
    for results, identity in identities.items():
        total = identity.summary.to_json()["global"]
        table = _numbers_table(f"{results}: identity", ("sequence",), _spoken(total))
        for name, sequence in identity.sequences.items():
            table.add_row(name, *map(_shown, sequence.score.to_json()["global"].values()))
        table.add_row("all", *map(_shown, total.values()), style="bold")
        yield table


def _numbers_table(title: str, texts: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table whose numbers a screen of 80 columns does not cut."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in texts:
        table.add_column(name, overflow="fold", min_width=8)
    for name in numbers:
        table.add_column(name, justify="right", min_width=2 + 4 * (name != "id"))
    return table


def _spoken(figures: Iterable[str]) -> list[str]:
    """Names that a narrow column can break."""
    return [name.replace("_", " ") for name in figures]


def _shown(value: float | None) -> str:
    """Three decimals, a count as it is, a dash where there is no value."""
    if value is None or math.isnan(value):
        return "-"
    return str(value) if isinstance(value, int) else f"{value:z.3f}"
