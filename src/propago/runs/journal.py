"""The JSON lines that a run appends as it goes, and that are cut back when it is resumed."""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from propago.errors import OutputError
from propago.io.atomic import unwritable

WEAK_SCORE = 0.6
"""An object whose mean probability in its own mask is below this is held by a thread."""


EVERYTHING = sys.maxsize
"""As the last index: every line is kept."""


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
        except OSError as error:
            raise unwritable(path, error) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(path, error) from error

    def append(self, *lines: Mapping[str, Any]) -> None:
        """Write lines of a frame.

        Raises:
            OutputError: they cannot be written.
        """
        try:
            self._file.write("".join(json.dumps(line) + "\n" for line in lines))
            self._file.flush()
        except OSError as error:
            raise unwritable(self._path, error) from error
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
            raise unwritable(self._path, error) from error

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


class FrameLog(LineLog):
    """frames.jsonl: one line a frame, and what they say about each object so far.

    Attributes:
        count: how many lines there are.
        uncertain: for each object the first and last frames of every stretch in which it is
            absent or weak after it has been there.
    """

    def __init__(self, path: Path, last_index: int | None) -> None:
        """As `LineLog`; the line of `last_index` has to be there.

        Raises:
            OutputError: as `LineLog`.
        """
        self.count = 0
        self.uncertain: dict[int, list[tuple[int, int]]] = {}
        self._before: int | None = None
        self._absent_since: dict[int, int | None] = {}
        super().__init__(path, last_index)
        if last_index not in (None, EVERYTHING, self._before):
            raise damaged(path, f"it lacks frame {last_index}")

    @property
    def lost(self) -> dict[int, int]:
        """For each object absent to the last frame: the first without it. Ended ones are not."""
        return {i: since for i, since in self._absent_since.items() if since is not None}

    @property
    def ids(self) -> tuple[int, ...]:
        """The objects that were there at some time, in order of appearance, then of ids."""
        return tuple(self._absent_since)

    def _take_in(self, line: Mapping[str, Any]) -> None:
        if self._before is not None and line["index"] <= self._before:
            raise ValueError(f"frame {line['index']} follows frame {self._before}")
        self.count += 1
        present = {int(i) for i, said in line["objects"].items() if said["area"] > 0}
        for i in sorted(present):
            self._absent_since[i] = None
        for i, since in self._absent_since.items():
            said = line["objects"].get(str(i))
            if said is None:  # a person ended it
                self._absent_since[i] = None
                continue
            if i not in present and since is None:
                self._absent_since[i] = line["index"]
            if i not in present or said["score"] < WEAK_SCORE:
                self._extend(self.uncertain.setdefault(i, []), line["index"])
        self._before = line["index"]

    def _extend(self, stretches: list[tuple[int, int]], index: int) -> None:
        if stretches and stretches[-1][1] == self._before:
            stretches[-1] = (stretches[-1][0], index)
        else:
            stretches.append((index, index))


def names_behind(path: Path, index: int | None) -> list[str]:
    """The names of the frames behind frame `index` that frames.jsonl tells of; None: of all.

    Raises:
        OutputError: the file cannot be read.
    """
    try:
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(text) for text in file if text.endswith("\n")]
        behind = [line["name"] for line in lines if index is None or line["index"] > index]
        if not all(isinstance(name, str) and Path(name).name == name for name in behind):
            raise ValueError("a frame has no name")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error
    return behind


def damaged(path: Path, error: object) -> OutputError:
    """What to raise where a log is not what a run wrote."""
    return OutputError(f"{path} is damaged ({error}); `overwrite` begins again")
