"""Tables whose cells are sequences, segmented from their first masks and scored."""

import shutil
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from propago.annotation.gather import gather_annotations
from propago.clock import Clock
from propago.errors import SourceError, UsageError
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuning
from propago.io.atomic import make_folder, replacing
from propago.io.davis import is_davis_root, open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.sequence_folders import label_files
from propago.io.source import Source
from propago.jobs.evaluate import evaluate
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment_source
from propago.jobs.segment_parts import SegmentParts
from propago.papers.cells import FIGURES, Cell, ObjectFigures, keep_json, read_cell
from propago.papers.options import ReproduceOptions
from propago.papers.tables import PaperTables
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import resident_mb

HINT = "name `sequences`, or another `set`"


class SequenceTables(PaperTables):
    """Tables whose cells are sequences of a DAVIS root."""

    @abstractmethod
    def propagation(self, row: str, clock: Clock) -> SegmentParts:
        """What the row is run with; `clock` counts the seconds of its parts.

        Raises:
            UsageError: an unknown preset or device, or a size out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """

    def tuning(self, clock: Clock) -> FineTuning:
        """Fine-tuning of the budget that the options have."""
        budget = Budget.parse(self.options.finetune)
        return FineTuning(budget, FineTuneCache(), self.progress, clock)

    def parts(self, data: Path) -> Mapping[str, Source]:
        """The chosen sequences by name, each with the ground truth of all its frames."""
        return {source.name: source for source in scored_sequences(data, self.options)}

    def scored(self) -> tuple[str, ...]:
        """By which rules, of which frames."""
        end, every = self.options.end, self.options.every
        upto = f", the first {end} frames" if end else ""
        of = f"{upto}, every {every}. frame" if every > 1 else upto
        return (f"Scores: propago eval, protocol davis2017, mean over objects{of}.",)

    def cells(
        self,
        rows: Sequence[str],
        parts: Mapping[str, Source],
        data: Path,
        out: Path,
        progress: Progress | None,
    ) -> dict[str, list[Cell]]:
        """A cell a sequence, in the order of `parts`."""
        return {
            row: [self._cell(row, source, data, out, progress) for source in parts.values()]
            for row in rows
        }

    def _cell(
        self, row: str, source: Source, data: Path, out: Path, progress: Progress | None
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
            self.propagation(row, clock),
            folder,
            SegmentOptions(overlay=False, overwrite=untimed, resume=not untimed),
            tell,
            clock,
        )
        scores = evaluate(masks, truth_of(data, source, out / "truth"), set=[source.name])
        objects = [
            ObjectFigures(o.id, *(o.figures[name] for name in FIGURES)) for o in scores.objects
        ]
        cell = Cell(source.name, tuple(objects), clock.seconds, clock.counts, max(memory))
        keep_json(path, asdict(cell))
        return cell


def scored_sequences(data: Path, options: ReproduceOptions) -> list[Source]:
    """The chosen sequences of a DAVIS root, each with the ground truth of all its frames.

    Raises:
        UsageError: it has no such sequence.
        SourceError: no DAVIS root, no such set, or a sequence that cannot be read or scored.
    """
    sources = named_sources(data, options)
    for source in sources:
        _require_ground_truth(data, source)
    return sources


def named_sources(data: Path, options: ReproduceOptions) -> list[Source]:
    """The chosen sequences of a DAVIS root.

    Raises:
        UsageError: it has no such sequence.
        SourceError: no DAVIS root, no such set, or a sequence that cannot be read.
    """
    frames = {"end": options.end, "every": options.every}
    named = options.sequences
    return _named(data, named, frames) if named else _of_set(data, options.set, frames)


def truth_of(data: Path, source: Source, folder: Path) -> Path:
    """Where `evaluate` finds the ground truth of the source's selected frames, and of no other.

    The DAVIS root where all frames are selected, else `folder`, which receives a copy.
    """
    stems, labels = _stems(source), davis_annotations(data, source.name)
    if stems == source.stems:
        return data
    make_folder(folder / source.name)
    for stem in stems:
        with replacing(folder / source.name / f"{stem}.png") as unfinished:
            shutil.copyfile(labels / f"{stem}.png", unfinished)
    return folder


def _stems(source: Source) -> tuple[str, ...]:
    """Of the selected frames."""
    chosen = source.selected
    return (source.stems or ())[chosen.start : chosen.stop : chosen.step]


def _named(data: Path, names: tuple[str, ...], frames: Mapping[str, Any]) -> list[Source]:
    there = {source.name: source for source in open_davis(data, **frames)}
    missing = [name for name in names if name not in there]
    if missing:
        raise UsageError(f"`sequences` {missing[0]}: {data} has {', '.join(there)}")
    return [there[name] for name in dict.fromkeys(names)]


def _of_set(data: Path, name: str, frames: Mapping[str, Any]) -> list[Source]:
    try:
        return open_davis(data, Path(name), **frames)
    except SourceError as error:
        if not is_davis_root(data):
            raise
        raise SourceError(f"{error}; {HINT}") from error


def _require_ground_truth(data: Path, source: Source) -> None:
    """Refuse a sequence whose label maps are not those of its frames, or fewer than 3."""
    folder = davis_annotations(data, source.name)
    labels, frames = label_files(folder).keys(), set(source.stems or ())
    if labels != frames or len(labels) < 3:
        raise SourceError(
            f"{folder} has {len(labels)} label maps, {source.path} {len(frames)} frames: a table "
            "needs the ground truth of every frame, under the frame's name, and at least 3; "
            f"{HINT}"
        )
    if len(_stems(source)) < 3:
        raise UsageError(
            f"`end` and `every` leave {len(_stems(source))} frames of {source.name}: a table needs "
            "at least 3, of which the first and the last are not scored"
        )
