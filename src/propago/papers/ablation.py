"""A table of one method: as it is, and with one of its parts changed or left out."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from propago.clock import Clock
from propago.finetune.fine_tuning import FineTuneProgress
from propago.jobs.segment_parts import SegmentParts
from propago.papers.cells import Cell, line_of, means
from propago.papers.options import ReproduceOptions
from propago.papers.sequences import SequenceTables
from propago.report.paper_table import Figures, PaperTable

COLUMNS = ("J&F", "J", "F")
UNKNOWN: Figures = (None, None, None)
"""Where we know of no value of the paper."""

FULL = "full"


class AblationTables(SequenceTables):
    """Table 1: the method as it is ("full"), and a row for each part changed; means over objects.

    Attributes:
        title: of the table.
        paper: by row the paper's J&F, J and F.
        notes: what differs from the paper, in sentences.
        tables: the rows of `paper`.
    """

    title: ClassVar[str]
    paper: ClassVar[Mapping[str, Figures]]
    notes: ClassVar[tuple[str, ...]]
    tables: ClassVar[Mapping[int, tuple[str, ...]]]

    def __init__(self, options: ReproduceOptions, progress: FineTuneProgress | None = None):
        super().__init__(options, progress)
        self.full = self.method(FULL, Clock(active=False))
        self.device = self.full.device

    @abstractmethod
    def method(self, row: str, clock: Clock) -> Any:
        """The propagator of a row.

        Raises:
            UsageError: an unknown preset or device, or a size out of range.
            WeightsError: no such weights, corrupt, or of another network.
        """

    def setup(self) -> dict[str, Any]:
        """What decides the cells, beside the row."""
        return {"method": self.full.description, "size": self.full.settings.size}

    def propagation(self, row: str, clock: Clock) -> SegmentParts:
        """The method of a row, alone."""
        return SegmentParts(self.method(row, clock))

    def made_of(self, table: int, cells: Mapping[str, Sequence[Cell]]) -> PaperTable:
        """The table, from the cells of its rows, and what differs from the paper."""
        del table
        lines = tuple(line_of(row, own, overlaps, self.paper[row]) for row, own in cells.items())
        said = self.full.description
        ours = (
            f"Network: {said['preset']}, short side {self.full.settings.size} px, weights "
            f"{said['weights']}, {said['weights_sha256'][:12]}."
        )
        return PaperTable(self.title, COLUMNS, lines, (ours, *self.notes))


def overlaps(cells: Iterable[Cell]) -> Figures:
    """J&F, J and F over all objects."""
    j, f = means(cells, "J_mean", "F_mean")
    return (j + f) / 2, j, f
