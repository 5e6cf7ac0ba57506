"""Addresses such as s3://bucket/clip.mp4 among the arguments of any verb that reads and writes.

What an address names is fetched into a folder of this machine before the verb begins, and what the
verb wrote there is put back when it ends, however it ends. This is the only place that knows.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from propago.errors import OutputError, PropagoError, UsageError
from propago.io.remote import (
    Stamps,
    fetch,
    is_address,
    is_there,
    put_back,
    require_bucket,
    stamps,
)

VERBS = ("segment", "track", "refine", "clean", "eval")

_WRITTEN = ("--out", "--json", "--csv", "--report")
_NO_FILES = ("--cluster",)


@contextmanager
def at_hand(verb: str, arguments: Sequence[str]) -> Iterator[list[str]]:
    """The arguments with a local path for each address; without any, as they are.

    An output folder that is there is fetched, too, so that the verb itself refuses, resumes or
    overwrites it. What is printed, the errors, run.json, journals and single files that are written
    name the address.

    Raises:
        UsageError: no such scheme, or its package is missing.
        SourceError: there is nothing at an address that is read.
        OutputError: results cannot be put back; it says where they are kept on this machine.
    """
    asked = next(filter(is_address, arguments), None)
    if asked and verb not in VERBS:
        raise UsageError(
            f"{asked}: {verb} reads and writes files of this machine; addresses are taken by "
            f"{', '.join(VERBS)}"
        )
    flagged = list(_flagged(arguments)) if verb in VERBS else []
    if not any(is_address(value) and flag not in _NO_FILES for flag, value, _ in flagged):
        yield list(arguments)
        return
    if any(flag == "--cluster" and is_address(value) for flag, value, _ in flagged):
        raise UsageError("--cluster of other machines needs folders that all of them share")
    local = _Local(Path(mkdtemp(prefix="propago-")))
    try:
        replaced = [local.word(*one) for one in flagged]
        out: Any = _Telling(sys.stdout, local)
        err: Any = _Telling(sys.stderr, local)
        with redirect_stdout(out), redirect_stderr(err):
            try:
                yield replaced
            except (PropagoError, KeyboardInterrupt) as error:
                error.args = (local.told(str(error)), *error.args[1:])
                raise
            finally:
                local.put_back()
    finally:
        local.remove()


def address_of(path: Path) -> str:
    """What the user calls a path: the address that it stands for, where it stands for one."""
    return sys.stdout.told(str(path)) if isinstance(sys.stdout, _Telling) else str(path)


def _flagged(arguments: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Of each word the flag it belongs to, its value, and what stands before that in the word."""
    flag = ""
    for word in arguments:
        if word.startswith("--"):
            flag, mark, value = word.partition("=")
            yield flag, value, flag + mark
        else:
            yield flag, word, ""


class _Local:
    """The addresses that were named, and where what they name is on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._unsaved = folder, False
        self._addresses: dict[str, str] = {}
        self._written: list[tuple[Path, str, Stamps]] = []

    def word(self, flag: str, value: str, before: str) -> str:
        """A word of the arguments, with a local path in place of an address."""
        if not is_address(value) or flag in _NO_FILES:
            return before + value
        address = value.rstrip("/")
        place = self._folder / str(len(self._addresses)) / address.rpartition("/")[2]
        place.parent.mkdir()
        self._addresses[str(place)] = address
        if flag in _WRITTEN:
            require_bucket(address)
        if flag not in _WRITTEN or (flag == "--out" and is_there(address)):
            fetch(address, place)
        if flag in _WRITTEN:
            self._written.append((place, address, stamps(place)))
        return before + str(place)

    def told(self, text: str) -> str:
        """A text that names addresses, not local paths."""
        for place, address in self._addresses.items():
            text = text.replace(place, address)
        return text

    def put_back(self) -> None:
        """What was written, to where it belongs.

        Raises:
            OutputError: that is not possible; it stays in the folder then.
        """
        for place, address, before in self._written:
            inner = (p for name in ("run.json", "journal.jsonl") for p in place.rglob(name))
            records = [place] if place.is_file() else inner
            for record in records:
                text = record.read_text("utf-8")
                if (told := self.told(text)) != text:
                    record.write_text(told, "utf-8")
            try:
                put_back(place, address, before)
            except OutputError as error:
                self._unsaved = True
                raise OutputError(f"{error}; what was made is kept here, in {place}") from error

    def remove(self) -> None:
        """Delete the folder, unless it holds what could not be put back."""
        if not self._unsaved:
            rmtree(self._folder, ignore_errors=True)


class _Telling:
    """A stream that names addresses."""

    def __init__(self, stream: Any, local: _Local) -> None:
        self._stream, self._local = stream, local

    def told(self, text: str) -> str:
        """A text with addresses for local paths."""
        return self._local.told(text)

    def write(self, text: str) -> int:
        """Write a text, with addresses for local paths."""
        return self._stream.write(self.told(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
