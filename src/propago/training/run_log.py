"""The log of a training run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from propago.io.atomic import make_folder, unwritable, write_text

Report = Callable[[dict[str, Any]], None]
"""Called with each line of the log."""


class RunLog:
    """Numbers averaged since the last line, to `log.jsonl`, TensorBoard and a callback."""

    def __init__(self, folder: Path, active: bool, report: Report | None, step: int) -> None:
        """Write under `folder` if this process is the `active` one.

        A run begins at `step`: what an interrupted one wrote of later steps is dropped.
        """
        self._active, self._report = active, report
        self._sums: dict[str, list[float]] = {}
        if active:
            make_folder(folder)
            self._path = folder / "log.jsonl"
            _drop_later(self._path, step)
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)

    def __enter__(self) -> "RunLog":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """All that was written is on disk."""
        if self._active:
            self._board.close()

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
        try:
            with self._path.open("a") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise unwritable(self._path, error) from error
        for name, value in numbers.items():
            self._board.add_scalar(name, value, step)
        if picture is not None:
            self._board.add_image("predictions", picture, step, dataformats="HWC")
        if self._report:
            self._report(line)


def _drop_later(path: Path, step: int) -> None:
    """Keep the lines of a log up to `step`; one that was cut off by a crash goes too."""
    if not path.is_file():
        return
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if _is_up_to(line, step)]
    if kept != lines:
        write_text(path, "".join(kept))


def _is_up_to(line: str, step: int) -> bool:
    try:
        return json.loads(line)["step"] <= step
    except ValueError:
        return False
