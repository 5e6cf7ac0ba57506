"""What is wrong with a mask or a folder of masks, and a copy in which that is mended."""

from dataclasses import dataclass
from pathlib import Path

from propago.diagnosis.checks import Finding, other_files
from propago.diagnosis.mask_files import list_masks, placed_in, target_of
from propago.diagnosis.mend import Repair, examine, mend
from propago.errors import UsageError
from propago.io.places import place_of
from propago.runs.options import Progress, counted


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
    root = place_of(folder, "folder")
    target = _target(root, fix, out, in_place, renumber)
    sequences, others = list_masks(root)
    n_masks = sum(map(len, sequences))
    examined_one, mended_one = (counted(progress, n_masks, what) for what in ("examine", "mend"))
    examined = [examine(paths, examined_one) for paths in sequences]
    repairs = [
        repair
        for sequence in examined
        if target
        for repair in mend(sequence, placed_in(root, target), renumber, in_place, mended_one)
    ]
    findings = [*other_files(others), *(f for sequence in examined for f in sequence.findings)]
    return Diagnosis(root, n_masks, tuple(findings), tuple(repairs), target)


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
    return target_of(root, Path(out) if out else None)
