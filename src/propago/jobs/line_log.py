"""Files of JSON lines about the frames of a run: appended as it goes, cut back when resumed."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from propago.errors import OutputError


class LineLog:
    """A file of JSON lines, each with the `index` of its frame, in the order of the frames."""

    def __init__(self, path: Path, last_index: int | None) -> None:
        """Keep the lines up to the frame `last_index`, cut off the rest; none are kept if None.

        Raises:
            OutputError: the file cannot be read or written.
        """
        self._path = path
        try:
            self._file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
            self._keep(last_index)
        except (OSError, ValueError, KeyError) as error:
            raise OutputError(f"{path} cannot be used ({error})") from error

    def append(self, *lines: Mapping[str, Any]) -> None:
        """Write lines of a frame.

        Raises:
            OutputError: they cannot be written.
        """
        try:
            self._file.write("".join(json.dumps(line) + "\n" for line in lines))
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}") from error
        for line in lines:
            self._take_in(line)

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

    def _take_in(self, line: Mapping[str, Any]) -> None:
        """Called with every line that is kept or appended."""

    def _keep(self, last_index: int | None) -> None:
        self._file.seek(0)
        end = 0
        while last_index is not None and (text := self._file.readline()).endswith("\n"):
            line = json.loads(text)
            if line["index"] > last_index:
                break
            self._take_in(line)
            end = self._file.tell()
        self._file.truncate(end)
        self._file.seek(0, os.SEEK_END)
