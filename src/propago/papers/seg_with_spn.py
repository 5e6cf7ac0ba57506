"""The tables of the Seg-with-SPN paper: how a row is run, the paper's values, ours from cells.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017, Tables 1 to 3.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from propago.clock import Clock
from propago.finetune.fine_tuning import FineTuneProgress
from propago.jobs.segment_parts import SegmentParts
from propago.methods.seg_with_spn.run import SegWithSpn
from propago.methods.seg_with_spn.settings import SegSettings
from propago.papers.cells import FIGURES, Cell, line_of, means
from propago.papers.options import ReproduceOptions
from propago.papers.sequences import SequenceTables
from propago.refinement.craf.run import Craf
from propago.refinement.craf.settings import CrafSettings
from propago.refinement.spn.run import Spn
from propago.refinement.spn.settings import SpnSettings
from propago.report.paper_table import Figures, Line, PaperTable

SPN_SETTINGS = SpnSettings()
CRAF_SETTINGS = CrafSettings()


@dataclass(frozen=True)
class Variant:
    """A way to run the method, a row of a table."""

    refine: Literal["spn", "none"] = "none"
    clean: Literal["craf", "none"] = "none"
    per: Literal["object", "video"] = "object"
    finetune_foreground: bool = True


VARIANTS = {
    "full": Variant("spn", "craf"),
    "-CRAF": Variant("spn"),
    "-CRAF-SPN": Variant(),
    "-CRAF-SPN-FT": Variant(finetune_foreground=False),
    "per-video": Variant(per="video"),
}
"""-FT: the foreground network is not fine-tuned; those of the objects are, from it as it is."""

TABLES: Mapping[int, tuple[str, ...]] = {
    1: ("per-video", "-CRAF-SPN"),
    2: ("full", "-CRAF", "-CRAF-SPN", "-CRAF-SPN-FT"),
    3: ("full",),
}
"""The variants each table is made of, in its order."""

COLUMNS = ("GM", "J mean", "J recall", "F mean", "F recall")
PAPER: Mapping[str, Figures] = {
    "full": (0.576, 0.540, 0.601, 0.611, 0.683),
    "-CRAF": (0.537, 0.506, 0.582, 0.568, 0.602),
    "-CRAF-SPN": (0.481, 0.457, 0.536, 0.504, 0.526),
    "-CRAF-SPN-FT": (0.448, 0.442, 0.528, 0.453, 0.501),
    "per-video": (0.460, 0.442, 0.513, 0.478, 0.501),
}
NAMES = {
    1: {"per-video": "per-video fine-tuning", "-CRAF-SPN": "per-object fine-tuning"},
    2: {name: name for name in TABLES[2]},
}
TITLES = {
    1: "Seg-with-SPN, Table 1: a network for the video, or one for each object",
    2: "Seg-with-SPN, Table 2: what each part is worth",
    3: "Seg-with-SPN, Table 3: seconds of each step, per object and frame",
}

STEPS = {
    "foreground": ("foreground network", 0.30),
    "objects": ("object network", 0.30),
    "refine": ("SPN", 0.08),
    "clean": ("CRAF", 0.10),
}
"""The steps of Table 3 and the paper's seconds."""

PAPER_ALL = 0.78


class SegWithSpnTables(SequenceTables):
    """Table 1: a network for each object, or for the video; 2: what parts are worth; 3: seconds."""

    tables = TABLES

    def __init__(self, options: ReproduceOptions, progress: FineTuneProgress | None = None):
        super().__init__(options, progress)
        self.spn = Spn.load(device=options.device, settings=SPN_SETTINGS)
        self.method = self._method(VARIANTS["full"], Clock())
        self.device = self.method.device

    def setup(self) -> dict[str, Any]:
        """What decides the cells, beside the variant."""
        said = self.method.description
        return {
            "preset": said["preset"],
            "weights": said["weights_sha256"],
            "spn_weights": self.spn.description["weights_sha256"],
            "method_settings": asdict(self.method.settings),
            "spn_settings": asdict(SPN_SETTINGS),
            "craf_settings": asdict(CRAF_SETTINGS),
        }

    def propagation(self, row: str, clock: Clock) -> SegmentParts:
        """The method as the variant wants it, with the refiner and the cleaner it has."""
        variant = VARIANTS[row]
        return SegmentParts(
            self._method(variant, clock),
            self.spn if variant.refine == "spn" else None,
            Craf(CRAF_SETTINGS) if variant.clean == "craf" else None,
            self.options.finetune,
        )

    def made_of(self, table: int, cells: Mapping[str, Sequence[Cell]]) -> PaperTable:
        """The table, from the cells of each of its variants, and what differs from the paper."""
        return made_of(table, cells, self._notes())

    def _method(self, variant: Variant, clock: Clock) -> SegWithSpn:
        return SegWithSpn.load(
            self.options.preset,
            self.options.weights,
            self.options.device,
            self.options.size,
            self.tuning(clock),
            SegSettings(per=variant.per, finetune_foreground=variant.finetune_foreground),
            clock,
        )

    def _notes(self) -> tuple[str, ...]:
        said, settings = self.method.description, self.method.settings
        trunk = {"compact": "EfficientNet-Lite0", "paper": "ResNet-101"}[said["preset"]]
        return (
            "The paper: DAVIS 2017 val, 30 sequences, a Titan X. GM is the mean of J mean and F "
            "mean.",
            f"Networks: {trunk}, short side {settings.size} px, weights {said['weights']}, "
            f"{said['weights_sha256'][:12]}. The paper: ResNet-101, 480 px, its own weights.",
            f"Schedule: {said['finetune']} at most for each fine-tuning, Adam, balanced "
            "cross-entropy plus a soft Jaccard distance. The paper: 30,000 steps of SGD, balanced "
            "cross-entropy.",
            "SPN: spn-compact, around each object. The paper: a VGG-16 network on the whole frame, "
            "trained on PASCAL VOC.",
        )


def made_of(table: int, cells: Mapping[str, Sequence[Cell]], notes: tuple[str, ...]) -> PaperTable:
    """The table, from the cells of each of its variants, and what differs from the paper."""
    if table == 3:
        return _seconds(cells["full"], notes)
    lines = tuple(
        line_of(NAMES[table][variant], own, _figures, PAPER[variant])
        for variant, own in cells.items()
    )
    return PaperTable(TITLES[table], COLUMNS, lines, notes)


def _figures(cells: Iterable[Cell]) -> Figures:
    """Means over all objects."""
    j, j_recall, f, f_recall = means(cells, *FIGURES)
    return (j + f) / 2, j, j_recall, f, f_recall


def _seconds(cells: Sequence[Cell], notes: tuple[str, ...]) -> PaperTable:
    steps = [_rate(cells, step) for step in STEPS]
    whole = None if None in steps else sum(rate for rate in steps if rate is not None)
    lines = [
        Line(name, (rate,), (paper,), _by_sequence(cells, step))
        for (step, (name, paper)), rate in zip(STEPS.items(), steps, strict=True)
    ]
    lines.append(Line("all steps", (whole,), (PAPER_ALL,)))
    for what, name in (("foreground", "foreground"), ("object", "an object")):
        mean = _rate(cells, f"finetune {what}")
        lines.append(Line(f"fine-tuning {name}, once", (mean,), (None,)))
    count = _total((cell.counts for cell in cells), "finetune ")
    more = (
        "The foreground network is run once a frame, for all objects; all else once an object. "
        "Decoding, resizing and writing are not counted.",
        f"Fine-tuning: {count} were made and timed, the others found in the cache "
        "(`propago cache clear` empties it). The paper says about 10 s per object and "
        "frame with fine-tuning, spread over the frames.",
    )
    return PaperTable(TITLES[3], ("seconds",), tuple(lines), (*notes, *more))


def _by_sequence(cells: Sequence[Cell], step: str) -> tuple[tuple[str, Figures], ...]:
    return tuple((cell.sequence, (_rate([cell], step),)) for cell in cells)


def _rate(cells: Sequence[Cell], step: str) -> float | None:
    """Seconds of a step per frame or object; None where it was never done."""
    count = _total((cell.counts for cell in cells), step)
    return _total((cell.seconds for cell in cells), step) / count if count else None


def _total(by_part: Iterable[Mapping[str, float]], step: str) -> float:
    """Of all parts whose names begin with `step`."""
    return sum(n for parts in by_part for part, n in parts.items() if part.startswith(step))
