"""The log of a training run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

Report = Callable[[dict[str, Any]], None]
"""Called with each line of the log."""


class RunLog:
    """Numbers averaged since the last line, to `log.jsonl`, TensorBoard and a callback."""

    def __init__(self, folder: Path, active: bool, report: Report | None):
        """Write under `folder` if this process is the `active` one."""
        self._active, self._report = active, report
        self._sums: dict[str, list[float]] = {}
        if active:
            folder.mkdir(parents=True, exist_ok=True)
            self._path = folder / "log.jsonl"
            self._board = SummaryWriter(str(folder / "tensorboard"))

    def gather(self, numbers: dict[str, float]) -> None:
        """Keep a step's numbers for the mean."""
        for name, value in numbers.items():
            self._sums.setdefault(name, []).append(float(value))

    def write(
        self,
        step: int,
        elapsed_s: float,
        more: dict[str, float],
        picture: np.ndarray | None = None,
    ) -> None:
        """A line with the means since the last one and `more`; nothing where both are empty."""
        numbers = {name: sum(v) / len(v) for name, v in self._sums.items()} | more
        self._sums.clear()
        if not self._active or not numbers:
            return
        line = {"step": step, "elapsed_s": round(elapsed_s, 1), **numbers}
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in numbers.items():
            self._board.add_scalar(name, value, step)
        if picture is not None:
            self._board.add_image("predictions", picture, step, dataformats="HWC")
        if self._report:
            self._report(line)
