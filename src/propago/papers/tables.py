"""What the tables of a paper are, whatever they are measured on."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from propago.finetune.fine_tuning import FineTuneProgress
from propago.papers.options import ReproduceOptions
from propago.report.paper_table import PaperTable
from propago.runs.options import Progress


class PaperTables(ABC):
    """The tables of a paper; `propago.papers.PAPERS` names a class a paper.

    Attributes:
        tables: by number the rows that a table is made of.
        device: where the networks run.
        options: what can be set.
        progress: told of each fine-tuning.
    """

    tables: ClassVar[Mapping[int, tuple[str, ...]]]
    device: torch.device

    def __init__(self, options: ReproduceOptions, progress: FineTuneProgress | None = None):
        self.options, self.progress = options, progress

    @abstractmethod
    def setup(self) -> dict[str, Any]:
        """What decides the cells, beside the options, as JSON values."""

    @abstractmethod
    def parts(self, data: Path) -> Mapping[str, Any]:
        """What is measured on, by name.

        Raises:
            UsageError: it has no such sequence.
            SourceError: it is no such data, or cannot be measured on.
        """

    @abstractmethod
    def cells(
        self,
        rows: Sequence[str],
        parts: Mapping[str, Any],
        data: Path,
        out: Path,
        progress: Progress | None,
    ) -> Mapping[str, Any]:
        """What was measured of some rows, by row; made are those cells that `out` does not hold."""

    @abstractmethod
    def made_of(self, table: int, cells: Mapping[str, Any]) -> PaperTable:
        """The table, from the cells of its rows, with what differs from the paper."""

    def scored(self) -> tuple[str, ...]:
        """How cells are measured, in sentences, where it is not the tables' own."""
        return ()
