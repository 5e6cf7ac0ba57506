"""Files that are either whole or not there: write beside the target, then rename."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from propago.errors import OutputError


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
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; free some space or choose "
            "another output folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Where `path` is while it is being written: a hidden file beside it."""
    return path.with_name(f".{path.name}.part")
