"""What the values in the mask files of one sequence mean: one table of ids for all of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from propago.conventions import VOID
from propago.diagnosis.inspect import MaskInspection, read_opaque
from propago.diagnosis.snapping import SURE_WITHIN, Value, flat_values, snap
from propago.io.labels import colour_ids
from propago.io.levels import levels_of
from propago.io.palette import DAVIS_IDS
from propago.io.shared_policy import indices_mislead

_LEAST_CORE_PX = 9
_LEAST_HARD_PX = 16
_BLACK = (0, 0, 0)


@dataclass(frozen=True)
class LabelMapping:
    """Which value is which id.

    Attributes:
        kinds: as what each readable file is read: "index", "grey", "wide" (16-bit) or "colour".
        legal: for each kind the id of each legal value.
    """

    kinds: dict[Path, str]
    legal: dict[str, dict[Value, int]]

    def ids_in(self, mask: MaskInspection) -> dict[int, int]:
        """Pixels of each id of a file; background, void and blends are none."""
        kind = self.kinds[mask.path]
        values = np.array(_values_as(mask, kind))
        table = self.legal[kind]
        far = np.abs(values[:, None] - np.array(list(table))[None]).max(-1)
        ids = np.array(list(table.values()))[far.argmin(1)]
        ids[far.min(1) > (SURE_WITHIN if mask.lossy else 0)] = 0
        found: Counter[int] = Counter()
        for i, pixels in zip(ids.tolist(), mask.pixels, strict=True):
            if i and (i != VOID or mask.is_16_bit):
                found[i] += pixels
        return dict(found)

    def labels_of(self, mask: MaskInspection) -> tuple[np.ndarray, int]:
        """(H, W) uint16 ids of a file, decoded again, and how many pixels were ambiguous."""
        kind = self.kinds[mask.path]
        raw, _ = read_opaque(mask.path)
        black, white = mask.matte or (0, 0)
        if (self.legal[kind].get((black,)), self.legal[kind].get((white,))) == (0, 1):
            return (raw.values > (black + white) / 2).astype(np.uint16), 0
        raw = raw.by_colour() if kind == "colour" else raw
        return snap(levels_of(raw), self.legal[kind], mask.lossy)


def infer_label_mapping(files: Sequence[MaskInspection]) -> LabelMapping:
    """Decide for all files of a sequence, in order; those without values are passed over.

    Indices are ids. Grey 0 and full scale alone are background and object 1, other greys are ids.
    Black is background, other colours are objects: DAVIS ids where all are DAVIS colours, else
    in order of appearance. Blends and compression noise are no values.
    """
    readable = [mask for mask in files if mask.readable]
    misleading = indices_mislead(mask.shown for mask in readable)
    coloured = any(mask.kind == "colour" for mask in readable)
    kinds = {mask.path: _kind(mask, misleading, coloured) for mask in readable}
    values: dict[str, dict[Value, None]] = {"index": {}, "grey": {}, "wide": {}, "colour": {}}
    for kind, found in values.items():
        mine = [mask for mask in readable if kinds[mask.path] == kind]
        found |= dict.fromkeys(value for mask in mine for value in _clean_values(mask, kind))
        found |= dict.fromkeys(_lossy_values([mask for mask in mine if mask.lossy], kind))
    greys = [mask for mask in readable if kinds[mask.path] == "grey"]
    mattes = [mask.matte for mask in greys if mask.matte] if all(m.matte for m in greys) else []
    legal = {
        "index": _ids_of_numbers(values["index"], full=255),
        "grey": _ids_of_mattes(mattes) or _ids_of_numbers(values["grey"], full=255),
        "wide": _ids_of_numbers(values["wide"], full=65535),
        "colour": _ids_of_colours(values["colour"]),
    }
    return LabelMapping(kinds, legal)


def _kind(mask: MaskInspection, misleading: bool, any_colour: bool) -> str:
    if (misleading and mask.shown.palette) or (any_colour and mask.mode.startswith("RGB")):
        return "colour"
    return "wide" if mask.is_16_bit else mask.kind


def _clean_values(mask: MaskInspection, kind: str) -> list[Value]:
    """What a lossless file says is legal: all of it, or where edges are soft, what is surely meant.

    That is what fills an area, and, where they are more than blends, full white and the DAVIS
    colours that half-way blends cannot give.
    """
    values = _values_as(mask, kind)
    if mask.lossy:
        return []
    if not mask.anti_aliased:
        return values
    expected = {(255,), (255, 255, 255), *list(DAVIS_IDS)[1:8]}
    return [
        value
        for value, core, hard in zip(values, mask.core, mask.hard, strict=True)
        if core >= _LEAST_CORE_PX or (hard >= _LEAST_HARD_PX and value in expected)
    ]


def _lossy_values(files: Sequence[MaskInspection], kind: str) -> tuple[Value, ...]:
    cores: Counter[Value] = Counter()
    for mask in files:
        for value, core in zip(_values_as(mask, kind), mask.core, strict=True):
            cores[value] += core
    if not cores:
        return ()
    return flat_values(np.array(list(cores)), np.array(list(cores.values())), _LEAST_CORE_PX)


def _values_as(mask: MaskInspection, kind: str) -> list[Value]:
    if kind != "colour" or mask.kind == "colour":
        return list(mask.values)
    if mask.shown.palette:
        return [mask.shown.palette[value[0]] for value in mask.values]
    return [value * 3 for value in mask.values]


def _ids_of_numbers(values: Iterable[Value], full: int) -> dict[Value, int]:
    numbers = {value[0] for value in values}
    if numbers <= {0, full}:
        return {(0,): 0, (full,): 1}
    return {(0,): 0} | {(n,): n for n in sorted(numbers)}


def _ids_of_mattes(mattes: Iterable[tuple[int, int]]) -> dict[Value, int]:
    return {(value,): i for ends in mattes for i, value in enumerate(ends)}


def _ids_of_colours(values: Iterable[Value]) -> dict[Value, int]:
    ids = colour_ids((v[0], v[1], v[2]) for v in values if any(v))
    return {_BLACK: 0, **ids}
