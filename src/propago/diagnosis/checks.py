"""What is wrong with one mask file, and with the files of a sequence together."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from propago.conventions import VOID
from propago.diagnosis.inspect import MaskInspection
from propago.diagnosis.label_mapping import LabelMapping
from propago.io.names import natural_key
from propago.io.shared_policy import indices_mislead

_FIX = "propago doctor --fix"
_THIN = "; what is under 3 px wide may be lost"
_NUMBER = re.compile(r"(\d+)$")


class Rule(NamedTuple):
    """What one kind of finding means.

    Attributes:
        legal: what would be right.
        fix: what to do.
        wrong: False for information: legal, but perhaps not meant.
        fixable: `propago doctor --fix` mends it.
    """

    legal: str = "8-bit indexed PNG, index = object id"
    fix: str = _FIX
    wrong: bool = True
    fixable: bool = False


_MENDABLE = Rule(fixable=True)
_HINT = Rule(wrong=False, fixable=True)

RULES = {
    "unreadable": Rule(fix="export this mask again"),
    "not a mask": Rule(fix="move it to another folder"),
    "lossy": _MENDABLE,
    "anti-aliased": _MENDABLE,
    "format": _MENDABLE,
    "rgb": _MENDABLE,
    "16-bit": _MENDABLE,
    "many ids": Rule(
        "8 bits where ids allow it",
        "propago doctor --fix --renumber, if there are at most 254 objects",
        wrong=False,
    ),
    "grey": _HINT,
    "0/255": _MENDABLE,
    "palette": _HINT,
    "shuffled palette": Rule(fix="propago doctor --fix reads the colours", fixable=True),
    "void": Rule(
        "255 in ground truth only, where nobody knows; never in results",
        "leave it in ground truth; set it to 0 in results",
        wrong=False,
    ),
    "empty": Rule(
        "no object in frames where all are hidden",
        "nothing, if the objects are out of sight",
        wrong=False,
    ),
    "size": Rule("one size, the video's", "export it again, or propago segment --fit-masks"),
    "same name": Rule("one mask a frame", "remove all but one"),
    "name order": Rule("numbers padded with zeros: 00000.png, 00001.png", "rename the files"),
    "frame gap": Rule(
        "a mask for every frame, or for every n-th",
        "export the missing masks; evaluation tools stop at them",
    ),
    "empty start": Rule(
        "the first mask shows the objects to follow",
        "draw the objects on it, or start at a frame that shows them",
    ),
    "id gap": Rule(
        "any ids; the DAVIS tool wants 1, 2, ... and scores an absent id as perfect",
        "nothing, or propago doctor --fix --renumber",
        wrong=False,
    ),
    "appears": Rule(
        "any frame; the DAVIS 2017 tool knows the objects of the first frame only",
        "nothing, if the object enters here",
        wrong=False,
    ),
    "disappears": Rule("any frame", "nothing, if the object leaves here", wrong=False),
    "returns": Rule("any frame", "nothing, if the object is hidden there", wrong=False),
    "other file": Rule("masks only", "nothing: it is passed over", wrong=False),
}


@dataclass(frozen=True)
class Finding:
    """One thing to know about a file.

    Attributes:
        kind: one of `RULES`.
        file: the file, or the folder where it is about all of its files.
        what: what was found.
    """

    kind: str
    file: Path
    what: str

    @property
    def rule(self) -> Rule:
        """What it means."""
        return RULES[self.kind]


def file_findings(mask: MaskInspection, mapping: LabelMapping) -> Iterator[Finding]:
    """What a file shows by itself."""
    if mask.error:
        yield Finding("unreadable", mask.path, mask.error)
    elif mask.is_picture:
        what = f"{mask.n_values} values and hardly a flat area: a picture, not a mask"
        yield Finding("not a mask", mask.path, what)
    else:
        for kind, what in (*_encoding(mask), *_contents(mask, mapping)):
            yield Finding(kind, mask.path, what)


def _encoding(mask: MaskInspection) -> Iterator[tuple[str, str]]:
    if mask.lossy:
        yield "lossy", f"lossy compression made {mask.n_values} values and blurs what is thin"
    elif mask.anti_aliased:
        what = f"{mask.n_soft} of {mask.n_values} values are blends ({mask.soft_px} px)"
        yield "anti-aliased", what + ", half transparent pixels" * mask.soft_alpha + _THIN
    if mask.format != "PNG" and not mask.lossy:
        yield "format", f"{mask.format}: most tools look for *.png"
    if mask.mode in ("RGB", "RGBA", "LA"):
        yield "rgb", f"{mask.mode} values instead of an index"
    if mask.is_16_bit:
        highest = max(value[0] for value in mask.values)
        if highest < VOID or _is_0_255(mask):
            yield "16-bit", f"16 bits for ids up to {highest}"
        else:
            what = f"16 bits, which ids up to {highest} need; DAVIS tools cannot read them"
            yield "many ids", what
    elif mask.mode in ("L", "1") and not _is_0_255(mask) and not mask.lossy:
        yield "grey", "grey values are the ids: looks black in viewers"
    if _is_0_255(mask) and not mask.lossy:
        black, white = mask.matte or (0, mask.values[-1][0])
        yield "0/255", f"{black} and {white} instead of 0 and 1"
    if not mask.davis_palette:
        yield "palette", "other colours than DAVIS's for its ids"


def _is_0_255(mask: MaskInspection) -> bool:
    full = 65535 if mask.is_16_bit else 255
    numbers = {value for value in mask.values if value != (0,)}
    return mask.matte is not None or (mask.kind != "colour" and numbers == {(full,)})


def _contents(mask: MaskInspection, mapping: LabelMapping) -> Iterator[tuple[str, str]]:
    void = dict(zip(mask.values, mask.pixels, strict=True)).get((VOID,), 0)
    if void and not mask.is_16_bit and not _is_0_255(mask) and not mask.lossy:
        yield "void", f"{void} px are 255, void"
    if not mapping.ids_in(mask):
        yield "empty", "no object"


def sequence_findings(files: Sequence[MaskInspection], mapping: LabelMapping) -> Iterator[Finding]:
    """What only several files show: sizes, names, ids over time.

    Args:
        files: mask of the files of one folder, in natural order of their names.
        mapping: of their values.
    """
    readable = [mask for mask in files if mask.readable]
    yield from _sizes(readable)
    yield from _names([mask.path for mask in files])
    if not readable:
        return
    folder = readable[0].path.parent
    if indices_mislead(mask.shown for mask in readable):
        what = "colours keep no index from file to file, or black is not 0"
        yield Finding("shuffled palette", folder, what)
    paths, ids = [mask.path for mask in readable], [mapping.ids_in(mask) for mask in readable]
    if not ids[0]:
        where = "the first mask" if any(ids) else "any mask"
        yield Finding("empty start", paths[0], f"no object in {where}")
    yield from _id_gaps(folder, {i for found in ids for i in found})
    yield from _lifetimes(paths, ids)


def _sizes(files: Sequence[MaskInspection]) -> Iterator[Finding]:
    sizes = Counter(mask.size for mask in files)
    for mask in files:
        (height, width), n = sizes.most_common(1)[0]
        if mask.size != (height, width):
            what = f"{mask.size[1]}x{mask.size[0]}; {n} other masks are {width}x{height}"
            yield Finding("size", mask.path, what)


def _names(paths: Sequence[Path]) -> Iterator[Finding]:
    stems = Counter(path.stem for path in paths)
    for path in paths:
        if stems[path.stem] > 1:
            yield Finding("same name", path, f"{stems[path.stem]} files are called {path.stem}")
    if sorted(path.name for path in paths) != [path.name for path in paths]:
        example = min(paths, key=lambda path: path.name)
        what = f"sorted as text the first is {example.name}, by number {paths[0].name}"
        yield Finding("name order", paths[0].parent, what)
    yield from _frame_gaps(paths)


def _frame_gaps(paths: Sequence[Path]) -> Iterator[Finding]:
    """Numbers missing from an otherwise regular count."""
    found = [_NUMBER.search(path.stem) for path in paths]
    numbered = [(int(m[1]), path) for m, path in zip(found, paths, strict=True) if m]
    steps = Counter(b - a for (a, _), (b, _) in pairwise(numbered) if b > a)
    if not steps:
        return
    step, n = steps.most_common(1)[0]
    if n < max(2, sum(steps.values()) / 2):
        return
    for (a, path), (b, after) in pairwise(numbered):
        if b - a > step:
            every = f" (one every {step} frames)" if step > 1 else ""
            what = f"the next mask is {after.name}: {(b - a - 1) // step} missing between them"
            yield Finding("frame gap", path, what + every)


def _id_gaps(folder: Path, ids: set[int]) -> Iterator[Finding]:
    missing = sorted(set(range(1, max(ids, default=0))) - ids)
    if missing:
        shown = ", ".join(map(str, missing[:8])) + ", ..." * (len(missing) > 8)
        what = f"{len(ids)} objects with ids up to {max(ids)}; {shown} never occur"
        yield Finding("id gap", folder, what)


def _lifetimes(paths: Sequence[Path], ids: Sequence[Mapping[int, int]]) -> Iterator[Finding]:
    for i in sorted({i for found in ids for i in found}):
        present = [n for n, found in enumerate(ids) if i in found]
        first, last = present[0], present[-1]
        if first > 0:
            yield Finding("appears", paths[first], f"id {i} is not in the masks before")
        if last < len(ids) - 1:
            what = f"id {i} is in none of the {len(ids) - 1 - last} masks after"
            yield Finding("disappears", paths[last], what)
        if len(present) <= last - first:
            what = f"id {i} is absent from {last - first + 1 - len(present)} masks between"
            yield Finding("returns", paths[first].parent, what)


def other_files(paths: Sequence[Path]) -> Iterator[Finding]:
    """Files that no tool takes for a mask."""
    for path in sorted(paths, key=lambda path: natural_key(path.name)):
        yield Finding("other file", path, "no picture")
