"""What is wrong with a mask or a folder of masks, and a copy in which that is mended."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from propago.diagnosis.checks import Finding, other_files
from propago.diagnosis.mend import Repair, examine, mend
from propago.errors import MaskError, OutputError, UsageError
from propago.io.davis import is_davis_root
from propago.io.davis_layout import ANNOTATIONS
from propago.io.masks import MASK_SUFFIXES
from propago.io.names import natural_key
from propago.io.sequence_folders import MASKS
from propago.io.stills import STILL_SUFFIXES
from propago.runs.options import Progress

"""Beside what else a run wrote, the folder of its masks."""

_PICTURES = {*MASK_SUFFIXES, *STILL_SUFFIXES}


@dataclass(frozen=True)
class Diagnosis:
    """The result of `doctor`.

    Attributes:
        folder: what was examined, a folder or one file; `masks` files of it.
        findings: everything to know, per folder and in natural order of names.
        repairs: files written; empty without `fix`.
        out: where they were written, if anywhere.
    """

    folder: Path
    masks: int
    findings: tuple[Finding, ...]
    repairs: tuple[Repair, ...] = ()
    out: Path | None = None

    @property
    def unresolved(self) -> tuple[Finding, ...]:
        """What is wrong and was not mended."""
        return tuple(f for f in self.findings if f.rule.wrong and not (self.out and f.rule.fixable))

    def to_json(self) -> dict:
        """The same as plain values, paths as text."""
        return {
            "folder": str(self.folder),
            "masks": self.masks,
            "findings": [
                {"kind": f.kind, "file": str(f.file), "what": f.what, **f.rule._asdict()}
                for f in self.findings
            ],
            "repairs": [
                {"from": str(r.source), "to": str(r.target), "ambiguous_px": r.ambiguous_px}
                for r in self.repairs
            ],
            "out": str(self.out) if self.out else None,
        }


def doctor(
    folder: str | Path,
    *,
    fix: bool = False,
    out: str | Path | None = None,
    in_place: bool = False,
    renumber: bool = False,
    progress: Progress | None = None,
) -> Diagnosis:
    """Examine a mask, or those of a folder and of the folders in it, each as one sequence.

    Args:
        folder: masks, folders of masks, or a single mask file.
        fix: write a copy in which every mask is an indexed PNG with the DAVIS palette.
        out: where to; default beside `folder`, with "-fixed" to its name. New, or an empty folder;
            of a single mask a PNG.
        in_place: change the files of `folder` themselves instead; other formats become PNG.
        renumber: while fixing, give each sequence ids 1, 2, ... without gaps.
        progress: called with (masks done, masks in all, "examine" or "mend").

    Raises:
        UsageError: options that do not fit together.
        MaskError: no such folder or picture, or no picture in the folder.
        OutputError: `out` holds files, or cannot be written.
    """
    root = Path(folder)
    target = _target(root, fix, out, in_place, renumber)
    sequences, others = _listing(root)
    n_masks = sum(map(len, sequences))
    examined_one, mended_one = (_ticker(progress, n_masks, what) for what in ("examine", "mend"))
    examined = [examine(paths, examined_one) for paths in sequences]
    repairs = [
        repair
        for sequence in examined
        if target
        for repair in mend(sequence, _placed(root, target), renumber, in_place, mended_one)
    ]
    findings = [*other_files(others), *(f for sequence in examined for f in sequence.findings)]
    return Diagnosis(root, n_masks, tuple(findings), tuple(repairs), target)


def _listing(root: Path) -> tuple[list[list[Path]], list[Path]]:
    """The pictures of each folder, in natural order, and all other files."""
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


def _target(
    root: Path, fix: bool, out: str | Path | None, in_place: bool, renumber: bool
) -> Path | None:
    """Where to write, if anywhere."""
    if not fix:
        if out or in_place or renumber:
            raise UsageError("`out`, `in_place` and `renumber` belong to `fix`: give it, too")
        return None
    if in_place:
        if out:
            raise UsageError("either `out` or `in_place`, not both")
        return root
    resolved = root.resolve()
    if root.is_file():
        return _target_file(resolved, out)
    target = Path(out) if out else resolved.with_name(f"{resolved.name}-fixed")
    if target.resolve().is_relative_to(resolved):
        raise UsageError(f"{target} lies in {root}; choose another `out`, or `in_place`")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target} exists and is not empty; choose another `out`")
    return target


def _target_file(mask: Path, out: str | Path | None) -> Path:
    """The PNG to write of a single mask."""
    target = Path(out) if out else mask.with_name(f"{mask.stem}-fixed.png")
    if target.suffix.lower() != ".png":
        raise UsageError(f"`out` is {target}; of a single mask it is a .png file")
    if target.exists():
        raise OutputError(f"{target} exists; choose another `out`")
    return target


def _placed(root: Path, target: Path) -> Callable[[Path], Path]:
    """Where the mended copy of a mask of `root` goes."""
    if root.is_dir():
        return lambda path: (target / path.relative_to(root)).with_suffix(".png")
    return lambda path: target.with_suffix(".png")


def _ticker(progress: Progress | None, total: int, what: str) -> Callable[[], None]:
    done = count(1)

    def tick() -> None:
        if progress:
            progress(next(done), total, what)

    return tick
