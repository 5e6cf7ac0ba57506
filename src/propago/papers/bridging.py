"""The results of the Bridging paper: mIoU and AP^r, ours beside Mask R-CNN's on the same pictures.

Source: Wu et al. 2016 (arXiv 1605.06885), values on PASCAL VOC 2012 val as reviews print them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from propago.components import DETECTORS
from propago.data.instances import InstanceStill
from propago.finetune.fine_tuning import FineTuneProgress
from propago.papers.figures import FigureCells, Figures, FigureTables
from propago.papers.held_out import (
    detector_in_words,
    device_of,
    figures_on,
    load_detector,
    mean_of,
    pictures_in,
)
from propago.papers.options import ReproduceOptions
from propago.report.paper_table import Line, PaperTable

METHOD, OTHER = "bridging", "mask_rcnn"
FIGURES = {1: ("mIoU",), 2: ("AP^r .5", "AP^r .7", "AP^r vol")}
PAPER = {
    1: {METHOD: (0.748,), OTHER: (None,)},
    2: {METHOD: (0.609, 0.446, 0.555), OTHER: (None, None, None)},
}
TITLES = {
    1: "Bridging, semantic segmentation: mIoU",
    2: "Bridging, instances: AP^r",
}


class BridgingTables(FigureTables):
    """1: mIoU; 2: AP^r. The numbers are ours."""

    tables: ClassVar = {1: (METHOD, OTHER), 2: (METHOD, OTHER)}

    def __init__(self, options: ReproduceOptions, progress: FineTuneProgress | None = None):
        super().__init__(options, progress)
        self.detectors = {
            name: load_detector(name, options, own=name == METHOD) for name in (METHOD, OTHER)
        }
        self.device = device_of(self.detectors[METHOD])

    def setup(self) -> dict[str, Any]:
        """What decides the cells."""
        return {name: dict(one.description) for name, one in self.detectors.items()}

    def parts(self, data: Path) -> Mapping[str, Sequence[InstanceStill]]:
        """Pictures by set."""
        return pictures_in(data, self.options)

    def figures(self, row: str, part: Sequence[InstanceStill]) -> Figures:
        """Of a detector on a set."""
        return figures_on(self.detectors[row], part)

    def made_of(self, table: int, cells: FigureCells) -> PaperTable:
        """A row for each detector: means over the sets, and each set."""
        names = FIGURES[table]
        lines = [
            Line(
                DETECTORS[row].summary.partition(" (")[2].rstrip(")") + f": {row}",
                tuple(mean_of(own, name) for name in names),
                PAPER[table][row],
                tuple((part, tuple(cell[name] for name in names)) for part, cell in own.items()),
            )
            for row, own in cells.items()
        ]
        notes = (
            "The paper: PASCAL VOC 2012 val, 20 classes, two networks of ResNet-101 at stride 8, "
            "trained on 10,582 pictures. There, learning from every pixel gives mIoU 0.734, and "
            "ResNet-50 without bootstrapping and equal instances AP^r .5 0.572.",
            f"Ours: {detector_in_words(self.detectors[METHOD])}.",
            f"Beside it: {detector_in_words(self.detectors[OTHER])}; its map of classes is its "
            "masks of at least 0.5, the surest in front.",
            "Ours are means over the sets, of classes that the truth shows; where only some are "
            "labelled, others are background.",
        )
        return PaperTable(TITLES[table], names, tuple(lines), notes)
