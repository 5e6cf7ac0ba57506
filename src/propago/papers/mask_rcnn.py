"""The table of the Mask R-CNN paper: mask AP on COCO.

Source: He et al., "Mask R-CNN", ICCV 2017, Table 1, ResNet-101-FPN on test-dev.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from propago.data.instances import InstanceStill
from propago.finetune.fine_tuning import FineTuneProgress
from propago.papers.figures import FigureCells, Figures, FigureTables
from propago.papers.held_out import (
    COCO,
    detector_in_words,
    device_of,
    figures_on,
    load_detector,
    pictures_in,
)
from propago.papers.options import ReproduceOptions
from propago.report.paper_table import Line, PaperTable

METHOD = "mask_rcnn"
COLUMNS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AP50, classes as one")
FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AP50 as one")
PAPER = (0.357, 0.580, 0.378, 0.155, 0.381, 0.524, None)
TITLE = "Mask R-CNN, Table 1: mask AP on COCO"


class MaskRcnnTables(FigureTables):
    """Table 1, ours on all pictures of a COCO folder or on held-out ones of a data root."""

    tables: ClassVar = {1: (METHOD,)}

    def __init__(self, options: ReproduceOptions, progress: FineTuneProgress | None = None):
        super().__init__(options, progress)
        self.detector = load_detector(METHOD, options, own=True)
        self.device = device_of(self.detector)

    def setup(self) -> dict[str, Any]:
        """What decides the cells."""
        return dict(self.detector.description)

    def parts(self, data: Path) -> Mapping[str, Sequence[InstanceStill]]:
        """Pictures by set."""
        return pictures_in(data, self.options)

    def figures(self, row: str, part: Sequence[InstanceStill]) -> Figures:
        """Mask AP on a set."""
        return figures_on(self.detector, part)

    def made_of(self, table: int, cells: FigureCells) -> PaperTable:
        """A row for each set; the paper's values beside COCO's."""
        nothing = (None,) * len(PAPER)
        lines = [
            Line(
                f"{name} ({cell['pictures']:.0f})",
                tuple(cell[figure] for figure in FIGURES),
                PAPER if name == COCO else nothing,
            )
            for name, cell in cells[METHOD].items()
        ]
        notes = (
            "The paper: COCO test-dev 2017, some 20,000 pictures, ResNet-101-FPN, short side 800 "
            "px, trained on 115,000 pictures for 160,000 steps of 16.",
            f"Ours: {detector_in_words(self.detector)}.",
            "In brackets how many pictures ours was measured on. Of a data root these are every "
            "tenth of each set, which training left out; where only some classes are labelled, "
            "only these count.",
        )
        return PaperTable(TITLE, COLUMNS, tuple(lines), notes)
