"""What verbs that turn masks into masks share: reading label maps, and output folders."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from propago.errors import MaskError, OutputError, UsageError
from propago.io.labels import LabelPolicy
from propago.io.masks import read_mask


def read_labels(path: Path, policy: LabelPolicy) -> np.ndarray:
    """The (H, W) uint8 or uint16 label map in a file, which may show no object.

    Args:
        path: a mask file.
        policy: what `shared_policy` says of the files.

    Raises:
        MaskError: it is no label map; the message names --scores, for grey pictures of scores.
    """
    try:
        return read_mask(path, policy, may_be_empty=True).labels
    except MaskError as error:
        raise MaskError(f"{error}. If the pictures are scores, add --scores") from error


def refuse_results(
    place: Path, names: Sequence[str], inputs: Iterable[Path], overwrite: bool
) -> None:
    """Refuse a folder with results, or delete them with `overwrite`; never touch the inputs.

    Args:
        place: the output folder.
        names: the files and folders in it that are results; empty folders are none.
        inputs: where the masks come from.
        overwrite: delete results that are there.

    Raises:
        UsageError: `place` holds results, or the inputs lie in them.
        OutputError: earlier results cannot be looked at or deleted.
    """
    results = [place / name for name in names]
    for folder in inputs:
        if any(folder.resolve().is_relative_to(result.resolve()) for result in results):
            raise UsageError(f"{place} is where the masks come from; choose another --out")
    try:
        there = [result for result in results if _holds_something(result)]
        for result in there if overwrite else ():
            if result.is_dir():
                shutil.rmtree(result)
            else:
                result.unlink()
    except OSError as error:
        raise OutputError(f"{place} cannot be cleared: {error}; choose another --out") from error
    if there and not overwrite:
        raise UsageError(
            f"{place} already holds results ({there[0].name}); add --overwrite to delete them, or "
            "choose another --out"
        )


def _holds_something(result: Path) -> bool:
    return any(result.iterdir()) if result.is_dir() else result.exists()


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
