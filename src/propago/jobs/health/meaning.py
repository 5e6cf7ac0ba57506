"""What the values in the mask files of one sequence mean: one table of ids for all of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from propago.io.labels import colour_ids
from propago.io.mask_repair import SURE_WITHIN, Value, flat_values, snap
from propago.io.palette import DAVIS_IDS
from propago.io.raw_masks import levels_of, read_raw
from propago.jobs.health.facts import MaskFacts
from propago.types import VOID

_LEAST_CORE_PX = 9
_LEAST_HARD_PX = 16
_BLACK = (0, 0, 0)


@dataclass(frozen=True)
class Meaning:
    """Which value is which id.

    Attributes:
        kinds: as what each readable file is read: "index", "grey", "wide" (16-bit) or "colour".
        legal: for each kind the id of each legal value.
    """

    kinds: dict[Path, str]
    legal: dict[str, dict[Value, int]]

    def ids_in(self, facts: MaskFacts) -> dict[int, int]:
        """Pixels of each id of a file; background, void and blends are none."""
        kind = self.kinds[facts.path]
        values = np.array(_values_as(facts, kind))
        table = self.legal[kind]
        far = np.abs(values[:, None] - np.array(list(table))[None]).max(-1)
        ids = np.array(list(table.values()))[far.argmin(1)]
        ids[far.min(1) > (SURE_WITHIN if facts.lossy else 0)] = 0
        found: Counter[int] = Counter()
        for i, pixels in zip(ids.tolist(), facts.pixels, strict=True):
            if i and (i != VOID or facts.is_16_bit):
                found[i] += pixels
        return dict(found)

    def labels_of(self, facts: MaskFacts) -> tuple[np.ndarray, int]:
        """(H, W) uint16 ids of a file, decoded again, and how many pixels were ambiguous."""
        kind = self.kinds[facts.path]
        raw = read_raw(facts.path)
        raw = raw.by_colour() if kind == "colour" else raw
        return snap(levels_of(raw), self.legal[kind], facts.lossy)


def meaning_of(files: Sequence[MaskFacts]) -> Meaning:
    """Decide for all files of a sequence, in order; those without values are passed over.

    Indices are ids. Grey 0 and full scale alone are background and object 1, other greys are ids.
    Black is background, other colours are objects: DAVIS ids where all are DAVIS colours, else
    in order of appearance. Blends and compression noise are no values.
    """
    readable = [facts for facts in files if facts.readable]
    misleading = indices_mislead(readable)
    coloured = any(facts.kind == "colour" for facts in readable)
    kinds = {facts.path: _kind(facts, misleading, coloured) for facts in readable}
    values: dict[str, dict[Value, None]] = {"index": {}, "grey": {}, "wide": {}, "colour": {}}
    for kind, found in values.items():
        mine = [facts for facts in readable if kinds[facts.path] == kind]
        found |= dict.fromkeys(value for facts in mine for value in _clean_values(facts, kind))
        found |= dict.fromkeys(_lossy_values([facts for facts in mine if facts.lossy], kind))
    legal = {
        "index": _ids_of_numbers(values["index"], full=255),
        "grey": _ids_of_numbers(values["grey"], full=255),
        "wide": _ids_of_numbers(values["wide"], full=65535),
        "colour": _ids_of_colours(values["colour"]),
    }
    return Meaning(kinds, legal)


def indices_mislead(files: Iterable[MaskFacts]) -> bool:
    """The colours say more than the indices, as after reducing RGB pictures to palettes.

    A colour has one index here and another there, or black is in use beside another index 0.
    """
    index_of: dict[Value, int] = {}
    backgrounds = set()
    for facts in files:
        backgrounds |= {facts.palette.get(0, _BLACK)}
        for index, colour in facts.palette.items():
            if index_of.setdefault(colour, index) != index and colour != _BLACK:
                return True
    return backgrounds != {_BLACK} and _BLACK in index_of


def _kind(facts: MaskFacts, misleading: bool, any_colour: bool) -> str:
    if (misleading and facts.palette) or (any_colour and facts.mode.startswith("RGB")):
        return "colour"
    return "wide" if facts.is_16_bit else facts.kind


def _clean_values(facts: MaskFacts, kind: str) -> list[Value]:
    """What a lossless file says is legal: all of it, or where edges are soft, what is surely meant.

    That is what fills an area, and, where they are more than blends, full white and the DAVIS
    colours that half-way blends cannot give.
    """
    values = _values_as(facts, kind)
    if facts.lossy:
        return []
    if not facts.anti_aliased:
        return values
    expected = {(255,), (255, 255, 255), *list(DAVIS_IDS)[1:8]}
    return [
        value
        for value, core, hard in zip(values, facts.core, facts.hard, strict=True)
        if core >= _LEAST_CORE_PX or (hard >= _LEAST_HARD_PX and value in expected)
    ]


def _lossy_values(files: Sequence[MaskFacts], kind: str) -> tuple[Value, ...]:
    cores: Counter[Value] = Counter()
    for facts in files:
        for value, core in zip(_values_as(facts, kind), facts.core, strict=True):
            cores[value] += core
    if not cores:
        return ()
    return flat_values(np.array(list(cores)), np.array(list(cores.values())), _LEAST_CORE_PX)


def _values_as(facts: MaskFacts, kind: str) -> list[Value]:
    if kind != "colour" or facts.kind == "colour":
        return list(facts.values)
    if facts.palette:
        return [facts.palette[value[0]] for value in facts.values]
    return [value * 3 for value in facts.values]


def _ids_of_numbers(values: Iterable[Value], full: int) -> dict[Value, int]:
    numbers = {value[0] for value in values}
    if numbers <= {0, full}:
        return {(0,): 0, (full,): 1}
    return {(0,): 0} | {(n,): n for n in sorted(numbers)}


def _ids_of_colours(values: Iterable[Value]) -> dict[Value, int]:
    ids = colour_ids((v[0], v[1], v[2]) for v in values if any(v))
    return {_BLACK: 0, **ids}
