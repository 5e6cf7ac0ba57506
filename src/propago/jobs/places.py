"""Output folders of verbs that turn masks into masks."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from propago.errors import OutputError, UsageError


def refuse_results(
    place: Path, names: Sequence[str], inputs: Iterable[Path], overwrite: bool
) -> None:
    """Refuse a folder with results, or delete them with `overwrite`; never touch the inputs.

    Args:
        place: the output folder.
        names: the files and folders in it that are results.
        inputs: where the masks come from.
        overwrite: delete results that are there.

    Raises:
        UsageError: `place` holds results, or the inputs lie in them.
    """
    results = [place / name for name in names]
    for folder in inputs:
        if any(folder.resolve().is_relative_to(result.resolve()) for result in results):
            raise UsageError(f"{place} is where the masks come from; choose another --out")
    there = [result for result in results if result.exists()]
    if there and not overwrite:
        raise UsageError(
            f"{place} already holds results ({there[0].name}); add --overwrite to delete them, or "
            "choose another --out"
        )
    for result in there:
        if result.is_dir():
            shutil.rmtree(result)
        else:
            result.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        OutputError: that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be made ({error.strerror}); choose another --out"
        ) from error
