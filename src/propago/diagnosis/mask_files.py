"""The masks of a folder and of the folders in it, and where their mended copies go."""

import os
from collections.abc import Callable
from pathlib import Path

from propago.errors import MaskError, OutputError, UsageError
from propago.io.davis import is_davis_root
from propago.io.davis_layout import ANNOTATIONS
from propago.io.masks import MASK_SUFFIXES
from propago.io.names import natural_key
from propago.io.sequence_folders import MASKS
from propago.io.stills import STILL_SUFFIXES

_PICTURES = {*MASK_SUFFIXES, *STILL_SUFFIXES}


def list_masks(root: Path) -> tuple[list[list[Path]], list[Path]]:
    """The pictures of each folder, in natural order, and all other files.

    Of a DAVIS root the annotations count, of what a run wrote its masks.

    Args:
        root: a folder, or one mask.

    Raises:
        MaskError: no such folder or picture, or no picture in the folder.
    """
    if root.is_file() and _is_picture(root):
        return [[root]], []
    if not root.is_dir():
        suffixes = ", ".join(sorted(_PICTURES))
        said = (
            f"{root} is no folder and no picture; `folder` holds masks, or folders of masks, or is"
        )
        raise MaskError(f"{said} one mask ({suffixes})").of_argument()
    start = root / ANNOTATIONS if is_davis_root(root) else root
    sequences, others = [], []
    for folder, inner, names in os.walk(start):
        if MASKS in inner:
            inner[:], names = [MASKS], []
        inner[:] = sorted((name for name in inner if not name.startswith(".")), key=natural_key)
        paths = [Path(folder, name) for name in sorted(names, key=natural_key)]
        pictures = [path for path in paths if _is_picture(path)]
        others += [path for path in paths if not _is_picture(path)]
        if pictures:
            sequences.append(pictures)
    if not sequences:
        raise MaskError(f"{root} holds no picture; masks are PNG files, one a frame")
    return sequences, others


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _PICTURES and not path.name.startswith(".")


def target_of(root: Path, out: Path | None) -> Path:
    """Where the mended copies of what is in `root` go: beside it, called -fixed, if `out` is None.

    Raises:
        UsageError: `out` lies in `root`, or is no PNG for a single mask.
        OutputError: something is there.
    """
    resolved = root.resolve()
    if root.is_file():
        return _target_file(resolved, out)
    target = out or resolved.with_name(f"{resolved.name}-fixed")
    if target.resolve().is_relative_to(resolved):
        raise UsageError(f"{target} lies in {root}; choose another `out`, or `in_place`")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target} exists and is not empty; choose another `out`")
    return target


def _target_file(mask: Path, out: Path | None) -> Path:
    target = out or mask.with_name(f"{mask.stem}-fixed.png")
    if target.suffix.lower() != ".png":
        raise UsageError(f"`out` is {target}; of a single mask it is a .png file")
    if target.exists():
        raise OutputError(f"{target} exists; choose another `out`")
    return target


def placed_in(root: Path, target: Path) -> Callable[[Path], Path]:
    """Where in `target` the mended copy of each mask of `root` goes."""
    if root.is_dir():
        return lambda path: (target / path.relative_to(root)).with_suffix(".png")
    return lambda path: target.with_suffix(".png")
