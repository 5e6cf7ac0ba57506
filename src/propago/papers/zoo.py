"""All methods with all stages: J, F, seconds and memory; the published values beside them."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from propago.clock import Clock
from propago.components import PROPAGATORS, load_method
from propago.errors import UsageError
from propago.finetune.fine_tuning import FineTuneProgress
from propago.jobs.segment_parts import SegmentParts
from propago.nn.inference import choose_device
from propago.papers.ablation import overlaps
from propago.papers.cells import Cell, line_of
from propago.papers.options import ReproduceOptions
from propago.papers.sequences import SequenceTables
from propago.refinement.craf.run import Craf
from propago.refinement.spn.run import Spn
from propago.report.paper_table import Figures, PaperTable
from propago.runs.record import described

STAGES = ("", "+SPN", "+CRAF", "+SPN+CRAF", "+finetune")

TUNED = ("feelvos", "maskrnn", "rgsn")
"""Methods that can be fine-tuned, and are not by themselves."""

ROWS = tuple(
    f"{name}{stage}"
    for name, part in PROPAGATORS.items()
    if part.presets
    for stage in STAGES
    if stage != "+finetune" or name in TUNED
)

PAPER: Mapping[str, Figures] = {
    "feelvos": (0.691, 0.740, None, None),
    "seg_with_spn": (0.457, 0.504, None, None),
    "seg_with_spn+SPN": (0.506, 0.568, None, None),
    "seg_with_spn+SPN+CRAF": (0.540, 0.611, 0.78, None),
    "rgmp": (0.648, 0.686, 0.13, None),
    "maskrnn": (0.605, None, None, None),
    "rgsn+finetune": (0.716, 0.777, None, None),
}
"""J, F, and seconds as the papers have them: RGMP's are of a frame, Seg-with-SPN's of an object."""

LOOP = ("predict", "refine", "clean", "update")


class ZooTables(SequenceTables):
    """Table 1: each method alone, with the SPN, with CRAF, with both, and fine-tuned."""

    tables: ClassVar = {1: ROWS}

    def __init__(self, options: ReproduceOptions, progress: FineTuneProgress | None = None):
        """Raises UsageError where one network's weights, size or preset are asked for."""
        if (options.weights, options.size, options.preset) != ("default", None, "compact"):
            raise UsageError(
                "the zoo is of the methods as they ship: no `weights`, `size`, `preset`"
            )
        super().__init__(options, progress)
        self.spn = Spn.load(device=options.device)
        self.device = choose_device(options.device)

    def setup(self) -> dict[str, Any]:
        """What decides the cells, beside the row."""
        return {"spn": described(self.spn)}

    def propagation(self, row: str, clock: Clock) -> SegmentParts:
        """The method of a row with its stages."""
        name, *stages = row.split("+")
        own = PROPAGATORS[name].finetune
        tuned = {"finetune": self.tuning(clock)} if own or "finetune" in stages else {}
        return SegmentParts(
            load_method(name, device=self.options.device, **tuned),
            self.spn if "SPN" in stages else None,
            Craf() if "CRAF" in stages else None,
            self.options.finetune if tuned else None,
        )

    def made_of(self, table: int, cells: Mapping[str, Sequence[Cell]]) -> PaperTable:
        """The table, from the cells of its rows."""
        del table
        lines = tuple(
            line_of(row, own, _figures, PAPER.get(row, (None,) * 4)) for row, own in cells.items()
        )
        return PaperTable(
            "All methods with all stages", ("J", "F", "seconds", "MB"), lines, self._notes()
        )

    def _notes(self) -> tuple[str, ...]:
        return (
            "Seconds: of the loop, for each object and frame; without decoding, writing and "
            f"fine-tuning (budget {self.options.finetune}). seg_with_spn is always fine-tuned. MB: "
            "the most that the process held, which has made the rows above, too.",
            "The papers: DAVIS 2017 val, 30 sequences, on GPUs; FEELVOS trained on YouTube-VOS, "
            "too; MaskRNN as STM's table prints it; RGSN as PTSNet's release.",
        )


def _figures(cells: Sequence[Cell]) -> Figures:
    """J and F over all objects, seconds of an object and frame, MB."""
    _, j, f = overlaps(cells)
    done = sum(len(cell.objects) * cell.counts.get("predict", 0) for cell in cells)
    spent = sum(cell.seconds.get(part, 0.0) for cell in cells for part in LOOP)
    return j, f, spent / done if done else None, float(max(c.resident_mb for c in cells)) or None
