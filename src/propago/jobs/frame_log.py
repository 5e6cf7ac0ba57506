"""frames.jsonl: one line a frame, appended as a run goes."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from propago.errors import OutputError


class FrameLog:
    """frames.jsonl, appended as the run goes, and what it says about each object so far."""

    def __init__(self, path: Path, last_index: int | None) -> None:
        """Keep the lines up to the frame `last_index`, cut off the rest; none are kept if None.

        Raises:
            OutputError: the file cannot be read or written.
        """
        self.count = 0
        self._path = path
        self._absent_since: dict[int, int | None] = {}
        try:
            self._file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
            self._keep(last_index)
        except (OSError, ValueError, KeyError) as error:
            raise OutputError(f"{path} cannot be used ({error})") from error

    @property
    def lost(self) -> dict[int, int]:
        """For each object that is absent to the last frame: the first frame without it."""
        return {i: since for i, since in self._absent_since.items() if since is not None}

    @property
    def ids(self) -> tuple[int, ...]:
        """The objects that were there at some time, in order of appearance."""
        return tuple(self._absent_since)

    def append(self, line: Mapping[str, Any]) -> None:
        """Write the line of a frame.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}") from error
        self._count(line)

    def sync(self) -> None:
        """Wait until the disk has every line.

        Raises:
            OutputError: it takes no more.
        """
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Close the file; what could not be written was said by `append`."""
        with suppress(OSError):
            self._file.close()

    def _keep(self, last_index: int | None) -> None:
        self._file.seek(0)
        end = 0
        while last_index is not None and (text := self._file.readline()).endswith("\n"):
            line = json.loads(text)
            if line["index"] > last_index:
                break
            self._count(line)
            end = self._file.tell()
        self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)

    def _count(self, line: Mapping[str, Any]) -> None:
        self.count += 1
        present = {int(i) for i, said in line["objects"].items() if said["area"] > 0}
        for i in present:
            self._absent_since[i] = None
        for i, since in self._absent_since.items():
            if i not in present and since is None:
                self._absent_since[i] = line["index"]
