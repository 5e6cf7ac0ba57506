"""The tables of the Seg-with-SPN paper, from one command.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017, Tables 1 to 3.
"""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from propago import __version__
from propago.clock import Clock
from propago.errors import UsageError
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuneProgress, FineTuning
from propago.io.atomic import replacing
from propago.io.source import Source
from propago.jobs.annotations import gather_annotations
from propago.jobs.evaluate import evaluate
from propago.jobs.options import SegmentOptions
from propago.jobs.parts import Parts
from propago.jobs.reproduce.cells import Cell, ObjectFigures, keep_setup, read_cell, write_cell
from propago.jobs.reproduce.options import ReproduceOptions
from propago.jobs.reproduce.seg_with_spn_tables import TABLES, VARIANTS, Variant, made_of
from propago.jobs.reproduce.sequences import chosen
from propago.jobs.segment import segment_source
from propago.methods.seg_with_spn.run import SegWithSpn
from propago.methods.seg_with_spn.settings import SegSettings
from propago.nn.weights import load_weights
from propago.refinement.craf.run import Craf
from propago.refinement.craf.settings import CrafSettings
from propago.refinement.spn.net import PRESETS as SPN_PRESETS
from propago.refinement.spn.run import Spn
from propago.refinement.spn.settings import SpnSettings
from propago.report.paper_table import PaperTable
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import processor

RUNS = Path("runs/reproduce/seg-with-spn")
SPN_SETTINGS = SpnSettings()
SPN = SPN_PRESETS["compact"]
CRAF_SETTINGS = CrafSettings()
FIGURES = ("J_mean", "J_recall", "F_mean", "F_recall")


@dataclass(frozen=True)
class Reproduced:
    """A table of the paper beside ours, and the files it was written to."""

    table: PaperTable
    csv: Path
    html: Path


def reproduce_seg_with_spn(
    table: Literal[1, 2, 3],
    data: str | Path,
    options: ReproduceOptions | None = None,
    *,
    progress: Progress | None = None,
    tuning: FineTuneProgress | None = None,
) -> Reproduced:
    """Make a table of the paper with the networks there are, its values beside ours.

    Every cell, a sequence in a row, is a file in the output folder and is not made again. Tables
    share their rows; rows share fine-tuned networks, which the cache keeps.

    Args:
        table: 1 (a network for each object, or one for the video), 2 (what CRAF, SPN and
            fine-tuning the foreground network are worth), 3 (seconds of each step).
        data: a DAVIS root.
        options: what can be set.
        progress: called as (frames done, frames in all, what is being done).
        tuning: called as (what is fine-tuned, steps done, share of its budget spent, running loss).

    Raises:
        UsageError: no such table or sequence, or the folder holds cells of another setup.
        WeightsError: no such weights.
        SourceError: no DAVIS root, or a sequence of it that cannot be read or has no ground truth.
        OutputError: results cannot be written.
        KeyboardInterrupt: the same call goes on.
    """
    options = options or ReproduceOptions()
    if table not in TABLES:
        raise UsageError(f"table {table}: seg-with-spn has the tables 1, 2 and 3")
    sources = chosen(Path(data), options)
    work = _Work(Path(data), options, progress, tuning)
    with processor(options.threads, seed=0):
        keep_setup(work.out, work.setup())
        cells = {
            name: [work.cell(name, VARIANTS[name], source) for source in sources]
            for name in TABLES[table]
        }
        notes = work.notes([source.name for source in sources])
    made = made_of(table, cells, notes)
    written = [work.out / f"table{table}.csv", work.out / f"table{table}.html"]
    for path, text in zip(written, (made.to_csv(), made.to_html()), strict=True):
        with replacing(path) as unfinished:
            unfinished.write_text(text, "utf-8")
    return Reproduced(made, *written)


class _Work:
    """What the cells of a table have in common."""

    def __init__(
        self,
        data: Path,
        options: ReproduceOptions,
        progress: Progress | None,
        tuning: FineTuneProgress | None,
    ):
        self.data, self.options, self.progress = data, options, progress
        self.out = options.out or RUNS / options.preset
        self.tuning = tuning
        self.about = self.method(VARIANTS["full"], Clock())

    def method(self, variant: Variant, clock: Clock) -> SegWithSpn:
        """The method as the variant wants it; its networks are loaded."""
        budget = Budget.parse(self.options.finetune)
        return SegWithSpn.load(
            self.options.preset,
            self.options.weights,
            self.options.device,
            self.options.size,
            FineTuning(budget, FineTuneCache(), self.tuning, clock),
            SegSettings(per=variant.per, finetune_foreground=variant.finetune_foreground),
            clock,
        )

    def setup(self) -> dict[str, Any]:
        """All that decides the cells, their scores and their seconds, beside the variant."""
        said = self.about.description
        return {
            "data": str(self.data.resolve()),
            "preset": said["preset"],
            "weights": said["weights_sha256"],
            "spn_weights": load_weights(SPN.weights["default"], SPN.network).sha256,
            "finetune": said["finetune"],
            "size": self.about.settings.size,
            "device": _called(self.about.device),
            "threads": torch.get_num_threads(),
            "propago": __version__,
            "method_settings": asdict(self.about.settings),
            "spn_settings": asdict(SPN_SETTINGS),
            "craf_settings": asdict(CRAF_SETTINGS),
        }

    def cell(self, name: str, variant: Variant, source: Source) -> Cell:
        """The finished cell; made now if there is none."""
        path = self.out / "cells" / name / f"{source.name}.json"
        finished = read_cell(path)
        if finished is not None:
            return finished
        masks, clock = self.out / "masks" / name, Clock()
        self._segment(name, variant, source, masks, clock)
        scored = evaluate(masks, self.data, set=[source.name])
        objects = tuple(
            ObjectFigures(o.id, *(o.figures[name] for name in FIGURES)) for o in scored.objects
        )
        cell = Cell(source.name, objects, clock.seconds, clock.counts)
        write_cell(path, cell)
        return cell

    def _segment(
        self, name: str, variant: Variant, source: Source, masks: Path, clock: Clock
    ) -> None:
        """Fill the folder and the clock: a folder with all frames is made anew, to be timed."""
        folder = OutputFolder(masks / source.name)
        untimed = folder.read_record().get("frames") == source.frame_count
        options = SegmentOptions(
            preset=self.options.preset,
            weights=self.options.weights,
            size=self.options.size,
            finetune=self.options.finetune,
            overlay=False,
            overwrite=untimed,
            resume=not untimed,
        )
        first = gather_annotations(source, self.data, (), only_first=True)
        parts = Parts(
            self.method(variant, clock),
            Spn.load(device=self.options.device, settings=SPN_SETTINGS)
            if variant.refine == "spn"
            else None,
            Craf(CRAF_SETTINGS) if variant.clean == "craf" else None,
            self.options.finetune,
        )
        progress = self.progress

        def tell(done: int, total: int | None, what: str) -> None:
            if progress:
                progress(done, total, f"{name}: {what}")

        segment_source(source, first, parts, folder, options, tell, clock)

    def notes(self, sequences: Sequence[str]) -> tuple[str, ...]:
        """What differs from the paper."""
        said, settings = self.about.description, self.about.settings
        trunk = {"compact": "EfficientNet-Lite0", "paper": "ResNet-101"}[said["preset"]]
        return (
            f"Data: {', '.join(sequences)} of {self.data.resolve().name}. The paper: DAVIS 2017 "
            "val, 30 sequences.",
            f"Networks: {trunk}, short side {settings.size} px, weights {said['weights']}, "
            f"{said['weights_sha256'][:12]}. The paper: ResNet-101, 480 px, its own weights.",
            f"Schedule: {said['finetune']} at most for each fine-tuning, Adam, balanced "
            "cross-entropy plus a soft Jaccard distance. The paper: 30,000 steps of SGD, balanced "
            "cross-entropy.",
            "SPN: spn-compact, around each object. The paper: a VGG-16 network on the whole frame, "
            "trained on PASCAL VOC.",
            "Scores: propago eval, protocol davis2017, mean over objects; GM is the mean of J mean "
            "and F mean.",
            f"Machine: {_called(self.about.device)}, processor threads: "
            f"{torch.get_num_threads()}. The paper: a Titan X.",
        )


def _called(device: torch.device) -> str:
    """The name of a GPU; the kind of any other device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {device.type}"
