"""Examine the masks of one sequence, and write a copy in which what can be mended is."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from propago.conventions import VOID
from propago.diagnosis.checks import Finding, file_findings, sequence_findings
from propago.diagnosis.inspect import MaskInspection, inspect_mask
from propago.diagnosis.label_mapping import LabelMapping, infer_label_mapping
from propago.io.atomic import make_folder, replacing
from propago.io.masks import write_mask


@dataclass(frozen=True)
class Repair:
    """One file written: where, and how many of its pixels no legal value was clearly nearest to."""

    source: Path
    target: Path
    ambiguous_px: int


@dataclass(frozen=True)
class ExaminedSequence:
    """The masks of one sequence, what their values mean, and what is wrong."""

    files: tuple[MaskInspection, ...]
    mapping: LabelMapping
    findings: tuple[Finding, ...]

    def is_fine(self, mask: MaskInspection) -> bool:
        """There is nothing to change in a file."""
        as_index = self.mapping.kinds[mask.path] == "index"
        return as_index and not any(f.rule.fixable and f.file == mask.path for f in self.findings)


def examine(paths: Sequence[Path], tick: Callable[[], None]) -> ExaminedSequence:
    """Look at the files of one folder, in natural order; `tick` is called after each."""
    files = []
    for path in paths:
        files.append(inspect_mask(path))
        tick()
    mapping = infer_label_mapping(files)
    findings = [finding for mask in files for finding in file_findings(mask, mapping)]
    findings += sequence_findings(files, mapping)
    return ExaminedSequence(tuple(files), mapping, tuple(findings))


def mend(
    sequence: ExaminedSequence,
    placed: Callable[[Path], Path],
    renumber: bool,
    replace: bool,
    tick: Callable[[], None],
) -> Iterator[Repair]:
    """Write the readable masks; of several with one name the first PNG, else the first.

    Args:
        sequence: what was examined.
        placed: where a file's mended copy goes; a PNG.
        renumber: ids become 1, 2, ... without gaps.
        replace: a file whose copy has another name is deleted.
        tick: called after each file.
    """
    ids = {i for f in sequence.files if f.readable for i in sequence.mapping.ids_in(f)}
    new_ids = {old: n for n, old in enumerate(sorted(ids), 1)} if renumber else {i: i for i in ids}
    wide = max(new_ids.values(), default=0) >= VOID
    unchanged = all(old == new for old, new in new_ids.items())
    written: set[Path] = set()
    for mask in sorted(sequence.files, key=lambda mask: mask.path.suffix.lower() != ".png"):
        path = placed(mask.path)
        tick()
        if not mask.readable or path in written:
            continue
        written.add(path)
        make_folder(path.parent)
        if unchanged and not wide and sequence.is_fine(mask):
            _copy(mask.path, path)
            continue
        labels, ambiguous_px = sequence.mapping.labels_of(mask)
        write_mask(path, _renamed(labels, new_ids, wide, keep_void=not mask.is_16_bit))
        if replace and mask.path != path:
            mask.path.unlink()
        yield Repair(mask.path, path, ambiguous_px)


def _renamed(
    labels: np.ndarray, new_ids: Mapping[int, int], wide: bool, keep_void: bool
) -> np.ndarray:
    table = np.zeros(2**16, np.uint16 if wide else np.uint8)
    for old, new in new_ids.items():
        table[old] = new
    if keep_void and not wide:
        table[VOID] = VOID
    return table[labels]


def _copy(source: Path, target: Path) -> None:
    if source != target:
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
