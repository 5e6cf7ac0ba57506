"""What is wrong with one mask file, and with the files of a sequence together."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from propago.diagnosis.inspect import MaskInspection
from propago.diagnosis.label_mapping import LabelMapping, indices_mislead
from propago.io.names import natural_key
from propago.types import VOID

_LEGAL = "8-bit indexed PNG, index = object id"
_THIN = "; what is under 3 px wide may be lost"
_NUMBER = re.compile(r"(\d+)$")


@dataclass(frozen=True)
class Finding:
    """One thing to know about a file.

    Attributes:
        kind: a short name, the same for all findings of its sort: "anti-aliased", "id gap", ...
        file: the file, or the folder where it is about all of its files.
        what: what was found.
        legal: what would be right.
        fix: what to do.
        wrong: False for information: legal, but perhaps not meant.
        fixable: `propago doctor --fix` mends it.
    """

    kind: str
    file: Path
    what: str
    legal: str
    fix: str
    wrong: bool = True
    fixable: bool = False


def file_findings(mask: MaskInspection, mapping: LabelMapping) -> Iterator[Finding]:
    """What a file shows by itself."""
    if mask.error:
        yield Finding("unreadable", mask.path, mask.error, _LEGAL, "export this mask again")
    elif mask.is_picture:
        what = f"{mask.n_values} values and hardly a flat area: a picture, not a mask"
        yield Finding("not a mask", mask.path, what, _LEGAL, "move it to another folder")
    else:
        yield from _encoding(mask)
        yield from _contents(mask, mapping)


def _encoding(mask: MaskInspection) -> Iterator[Finding]:
    def mendable(kind: str, what: str, wrong: bool = True) -> Finding:
        return Finding(kind, mask.path, what, _LEGAL, "propago doctor --fix", wrong, True)

    if mask.lossy:
        yield mendable("lossy", f"{mask.format} made {mask.n_values} values and blurs what is thin")
    elif mask.anti_aliased:
        what = f"{mask.n_soft} of {mask.n_values} values are blends ({mask.soft_px} px)"
        alpha = ", half transparent pixels" if mask.soft_alpha else ""
        yield mendable("anti-aliased", what + alpha + _THIN)
    if mask.format != "PNG" and not mask.lossy:
        yield mendable("format", f"{mask.format}: most tools look for *.png")
    if mask.mode in ("RGB", "RGBA", "LA"):
        yield mendable("rgb", f"{mask.mode} values instead of an index")
    if mask.is_16_bit:
        yield _sixteen_bit(mask)
    elif mask.mode in ("L", "1") and not _is_0_255(mask) and not mask.lossy:
        yield mendable("grey", "grey values are the ids: looks black in viewers", wrong=False)
    if _is_0_255(mask) and not mask.lossy:
        yield mendable("0/255", f"0 and {mask.values[-1][0]} instead of 0 and 1")
    if not mask.davis_palette:
        yield mendable("palette", "other colours than DAVIS's for its ids", wrong=False)


def _sixteen_bit(mask: MaskInspection) -> Finding:
    highest = max(value[0] for value in mask.values)
    if highest < VOID or _is_0_255(mask):
        what = f"16 bits for ids up to {highest}"
        return Finding("16-bit", mask.path, what, _LEGAL, "propago doctor --fix", True, True)
    what = f"16 bits, which ids up to {highest} need; DAVIS tools cannot read them"
    fix = "propago doctor --fix --renumber, if there are at most 254 objects"
    return Finding("16-bit", mask.path, what, "8 bits where ids allow it", fix, wrong=False)


def _is_0_255(mask: MaskInspection) -> bool:
    full = 65535 if mask.is_16_bit else 255
    numbers = {value for value in mask.values if value != (0,)}
    return mask.kind != "colour" and numbers == {(full,)}


def _contents(mask: MaskInspection, mapping: LabelMapping) -> Iterator[Finding]:
    void = dict(zip(mask.values, mask.pixels, strict=True)).get((VOID,), 0)
    if void and not mask.is_16_bit and not _is_0_255(mask) and not mask.lossy:
        yield Finding(
            "void",
            mask.path,
            f"{void} px are 255, void",
            "255 in ground truth only, where nobody knows; never in results",
            "leave it in ground truth; set it to 0 in results",
            wrong=False,
        )
    if not mapping.ids_in(mask):
        yield Finding(
            "empty",
            mask.path,
            "no object",
            "no object in frames where all are hidden",
            "nothing, if the objects are out of sight",
            wrong=False,
        )


def sequence_findings(
    files: Sequence[MaskInspection], mapping: LabelMapping, renumber: bool = False
) -> Iterator[Finding]:
    """What only several files show: sizes, names, ids over time.

    Args:
        files: mask of the files of one folder, in natural order of their names.
        mapping: of their values.
        renumber: mending closes gaps in the ids.
    """
    readable = [mask for mask in files if mask.readable]
    yield from _sizes(readable)
    yield from _names([mask.path for mask in files])
    if indices_mislead(readable):
        yield Finding(
            "shuffled palette",
            readable[0].path.parent,
            "colours keep no index from file to file, or black is not 0",
            _LEGAL,
            "propago doctor --fix reads the colours",
            fixable=True,
        )
    ids = [(mask, mapping.ids_in(mask)) for mask in readable]
    if readable:
        yield from _first_mask(ids)
        found_ids = {i for _, found in ids for i in found}
        yield from _id_gaps(readable[0].path.parent, found_ids, renumber)
        yield from _lifetimes(ids)


def _sizes(files: Sequence[MaskInspection]) -> Iterator[Finding]:
    sizes = Counter(mask.size for mask in files)
    if len(sizes) < 2:
        return
    (height, width), n = sizes.most_common(1)[0]
    for mask in files:
        if mask.size != (height, width):
            yield Finding(
                "size",
                mask.path,
                f"{mask.size[1]}x{mask.size[0]}; {n} other masks are {width}x{height}",
                "one size, the video's",
                "export it again, or propago segment --fit-masks",
            )


def _names(paths: Sequence[Path]) -> Iterator[Finding]:
    stems = Counter(path.stem for path in paths)
    for path in paths:
        if stems[path.stem] > 1:
            what = f"{stems[path.stem]} files are called {path.stem}"
            yield Finding("same name", path, what, "one mask a frame", "remove all but one")
    if sorted(path.name for path in paths) != [path.name for path in paths]:
        example = min(paths, key=lambda path: path.name)
        yield Finding(
            "name order",
            paths[0].parent,
            f"sorted as text the first is {example.name}, by number {paths[0].name}",
            "numbers padded with zeros: 00000.png, 00001.png",
            "rename the files",
        )
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
            yield Finding(
                "frame gap",
                path,
                f"the next mask is {after.name}: {(b - a - 1) // step} missing between them",
                f"a mask every {step} frames" if step > 1 else "a mask for every frame",
                "export the missing masks; evaluation tools stop at them",
            )


def _first_mask(ids: Sequence[tuple[MaskInspection, dict[int, int]]]) -> Iterator[Finding]:
    first, found = ids[0]
    if not found:
        everywhere = not any(found for _, found in ids)
        yield Finding(
            "empty start",
            first.path,
            "no object in any mask" if everywhere else "no object in the first mask",
            "the first mask shows the objects to follow",
            "draw the objects on it, or start at a frame that shows them",
        )


def _id_gaps(folder: Path, ids: set[int], renumber: bool) -> Iterator[Finding]:
    missing = sorted(set(range(1, max(ids, default=0))) - ids)
    if missing:
        shown = ", ".join(map(str, missing[:8])) + (", ..." if len(missing) > 8 else "")
        yield Finding(
            "id gap",
            folder,
            f"{len(ids)} objects with ids up to {max(ids)}; {shown} never occur",
            "ids 1, 2, ... without gaps: the DAVIS tool scores an absent id as perfect",
            "propago doctor --fix --renumber",
            fixable=renumber,
        )


def _lifetimes(ids: Sequence[tuple[MaskInspection, dict[int, int]]]) -> Iterator[Finding]:
    for i in sorted({i for _, found in ids for i in found}):
        present = [n for n, (_, found) in enumerate(ids) if i in found]
        first, last = present[0], present[-1]
        if first > 0:
            yield Finding(
                "appears",
                ids[first][0].path,
                f"id {i} is not in the masks before",
                "any frame; the DAVIS 2017 tool knows the objects of the first frame only",
                "nothing, if the object enters here",
                wrong=False,
            )
        if last < len(ids) - 1:
            yield Finding(
                "disappears",
                ids[last][0].path,
                f"id {i} is in none of the {len(ids) - 1 - last} masks after",
                "any frame",
                "nothing, if the object leaves here",
                wrong=False,
            )
        if len(present) <= last - first:
            yield Finding(
                "returns",
                ids[first][0].path.parent,
                f"id {i} is absent from {last - first + 1 - len(present)} masks between",
                "any frame",
                "nothing, if the object is hidden there",
                wrong=False,
            )


def other_files(paths: Sequence[Path]) -> Iterator[Finding]:
    """Files that no tool takes for a mask."""
    for path in sorted(paths, key=lambda path: natural_key(path.name)):
        yield Finding(
            "other file",
            path,
            "no picture",
            "masks only",
            "nothing: it is passed over",
            wrong=False,
        )
