"""Files that are either whole or not there: write beside the target, then rename."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from propago.errors import OutputError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well.

    When the block raises, the temporary file is removed and an earlier `path` is untouched.

    Raises:
        OutputError: the file cannot be written or renamed (disk full, no permission).
    """
    temporary = part_of(path)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        remove(temporary)


def write_text(path: Path, text: str) -> None:
    """Make a file of text, or leave an earlier one as it was.

    Raises:
        OutputError: it cannot be written.
    """
    with replacing(path) as unfinished:
        unfinished.write_text(text, "utf-8")


def part_of(path: Path) -> Path:
    """Where `path` is while it is being written: a hidden file beside it."""
    return path.with_name(f".{path.name}.part")


def remove(path: Path) -> None:
    """Delete a file that may be there, where that is possible."""
    with suppress(OSError):
        path.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        OutputError: that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(path: Path, error: Exception) -> OutputError:
    """Why `path`, a file or folder, cannot be written, and what to do.

    Args:
        path: what was to be written.
        error: what the operating system said; of another library, its number may be in the text.
    """
    number = getattr(error, "errno", None)
    if number is None and (told := re.search(r"(?:os error |code: )(\d+)", str(error))):
        number = int(told[1])
    return OutputError(f"{path} cannot be written: {_reason(path, number, error)}")


def _reason(path: Path, number: int | None, error: Exception) -> str:
    if number in _FULL:
        return "the disk is full; free some space or choose another folder"
    if number == errno.EROFS:
        return "its file system is read-only; choose another folder"
    if number in _FORBIDDEN:
        return "there is no permission for it; choose another folder, or ask for permission"
    if number in (errno.ENOTDIR, errno.EEXIST) and (file := _file_on_the_way(path)):
        return f"{file} is a file, not a folder; choose another folder"
    if number == errno.ENOENT:
        return f"there is no folder {path.parent}; make it, or choose another"
    if number == errno.EISDIR:
        return "it is a folder; choose another name"
    if number == errno.ENAMETOOLONG:
        return "the name is too long; choose a shorter one"
    return f"{getattr(error, 'strerror', None) or error}; choose another folder"


def _file_on_the_way(path: Path) -> Path | None:
    return next((part for part in (path, *path.parents) if part.is_file()), None)
