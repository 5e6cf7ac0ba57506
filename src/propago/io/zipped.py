"""Zip files of masks, as benchmark servers take them: unpacked while the program runs."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from propago.errors import SourceError

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory


def unpacked(path: Path) -> Path:
    """A zip file's contents as a folder of its name, any other path as it is.

    Raises:
        SourceError: the zip file is damaged or encrypted, or there is no space for its contents.
    """
    if path.suffix.lower() != ".zip" or not path.is_file():
        return path
    return Path(_contents(path.resolve()).name, path.stem)


@cache
def _contents(path: Path) -> "TemporaryDirectory":
    """A folder that is deleted when the program ends."""
    from tempfile import TemporaryDirectory
    from zipfile import BadZipFile, ZipFile, is_zipfile

    if not is_zipfile(path):
        raise SourceError(f"{path} is no readable zip file; pack the folder again")
    made = TemporaryDirectory(prefix="propago-")
    try:
        with ZipFile(path) as packed:
            packed.extractall(Path(made.name, path.stem))
    except (OSError, BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        made.cleanup()
        raise SourceError(f"{path} cannot be unpacked: {error}; unpack it by hand") from error
    return made
