"""frames.jsonl: one line a frame, appended as a run goes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from propago.jobs.line_log import LineLog


class FrameLog(LineLog):
    """frames.jsonl, appended as the run goes, and what it says about each object so far."""

    def __init__(self, path: Path, last_index: int | None) -> None:
        """Keep the lines up to the frame `last_index`, cut off the rest; none are kept if None.

        Raises:
            OutputError: the file cannot be read or written.
        """
        self.count = 0
        self._absent_since: dict[int, int | None] = {}
        super().__init__(path, last_index)

    @property
    def lost(self) -> dict[int, int]:
        """For each object that is absent to the last frame: the first frame without it."""
        return {i: since for i, since in self._absent_since.items() if since is not None}

    @property
    def ids(self) -> tuple[int, ...]:
        """The objects that were there at some time, in order of appearance."""
        return tuple(self._absent_since)

    def _take_in(self, line: Mapping[str, Any]) -> None:
        self.count += 1
        present = {int(i) for i, said in line["objects"].items() if said["area"] > 0}
        for i in present:
            self._absent_since[i] = None
        for i, since in self._absent_since.items():
            if i not in present and since is None:
                self._absent_since[i] = line["index"]
