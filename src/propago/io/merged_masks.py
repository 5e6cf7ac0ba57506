"""Masks that lie in several places: a file or folder an object, or one beside the other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from propago.conventions import VOID
from propago.errors import MaskError
from propago.io.annotations import read_annotations
from propago.io.davis import is_davis_root
from propago.io.source import Source
from propago.types import Annotation


@dataclass(frozen=True)
class _Part:
    """What one file or folder says, by frame; `id` is the object that its folder is named after."""

    path: Path
    given: dict[int, Annotation]
    id: int | None = None

    @property
    def ids(self) -> set[int]:
        return {i for masks in self.given.values() for i in masks.ids}


def as_paths(masks: str | Path | Sequence[str | Path] | None) -> list[Path]:
    """The places of masks, of which one stands for itself, and None for none.

    Raises:
        MaskError: something else than paths.
    """
    places = [masks] if masks is None or isinstance(masks, str | Path) else masks
    listed = list(places) if isinstance(places, Sequence) else [places]
    other = next((one for one in listed if not isinstance(one, str | Path | None)), None)
    if other is not None:
        raise MaskError(
            f"`masks` hold {type(other).__name__}; they are a file or folder, several of them, a "
            "label map (H, W) of the first frame, an array, or label maps by frame, {0: array}"
        )
    return [Path(place) for place in listed if place is not None]


def read_merged(
    paths: Sequence[Path], source: Source, *, fit: bool = False, only_first: bool = False
) -> tuple[dict[int, Annotation], tuple[str, ...]]:
    """Read masks that are given in several places as one; see `read_annotations` for one place.

    A folder of folders 1, 2, ... has an object in each. Where two places give one id on one frame
    and each has one object, they are objects 1, 2, ... in order. Of objects that overlap the later
    one has the pixels.

    Returns:
        Masks by `Frame.index`, ascending, and what had to be interpreted.

    Raises:
        MaskError: as `read_annotations`; two places give one of several ids on one frame.
    """
    parts, notes = [], []
    for path in paths:
        for place, object_id in _folders_of_objects(path) or [(path, None)]:
            given, said = read_annotations(place, source, fit=fit, only_first=only_first)
            parts.append(_Part(place, given, object_id))
            notes += said
    if len(parts) == 1 and parts[0].id is None:
        return parts[0].given, tuple(notes)
    named, said = _named(parts)
    given, overlaps = _merged(named)
    return given, (*notes, *said, *overlaps)


def _folders_of_objects(path: Path) -> list[tuple[Path, int]]:
    """The folders 1, 2, ... of a folder that has no other ones, ascending."""
    if not path.is_dir() or is_davis_root(path):
        return []
    inside = [p for p in path.iterdir() if not p.name.startswith(".")]
    if not inside or not all(p.is_dir() and p.name.isdecimal() and int(p.name) for p in inside):
        return []
    return sorted(((p, int(p.name)) for p in inside), key=lambda named: named[1])


def _named(parts: Sequence[_Part]) -> tuple[list[_Part], list[str]]:
    """The parts with ids that tell objects apart, and what was made of them."""
    said = Counter((frame, i) for part in parts for frame in part.given for i in _ids(part, frame))
    clash = min((key for key, times in said.items() if times > 1), default=None)
    by_folder = all(part.id is not None for part in parts)
    if clash is None and not by_folder:
        ids = Counter(i for part in parts for i in part.ids)
        shared = [f"object {i} is given in {n} places" for i, n in sorted(ids.items()) if n > 1]
        return list(parts), shared
    several = next((part for part in parts if len(part.ids) > 1), None)
    if several:
        raise MaskError(
            f"{several.path} has objects {', '.join(map(str, sorted(several.ids)))}, and some of "
            "the ids are given elsewhere for the same frame: give one object a file, or ids that "
            "differ"
        )
    numbered = [replace(part, id=part.id or n) for n, part in enumerate(parts, 1)]
    made = [_Part(p.path, {t: _called(m, p.id or 0) for t, m in p.given.items()}) for p in numbered]
    return made, [f"{part.path} is object {part.id}" for part in numbered]


def _ids(part: _Part, frame: int) -> tuple[int, ...]:
    return part.given[frame].ids if frame in part.given else ()


def _called(masks: Annotation, object_id: int) -> Annotation:
    """The one object of an annotation under another id."""
    kind = np.uint8 if object_id < VOID else np.uint16
    known = np.where(masks.void, 0, masks.labels) if kind == np.uint16 else masks.labels
    void = masks.void & (kind == np.uint8)
    return Annotation(np.where((known != 0) & ~void, object_id, known).astype(kind))


def _merged(parts: Sequence[_Part]) -> tuple[dict[int, Annotation], list[str]]:
    """One annotation a frame; later parts lie above earlier ones."""
    given: dict[int, Annotation] = {}
    notes = []
    for part in parts:
        for frame, masks in part.given.items():
            given[frame], shared = _above(given[frame], masks) if frame in given else (masks, 0)
            if shared:
                notes.append(f"{part.path} overlaps {shared} pixels of frame {frame}: it has them")
    return dict(sorted(given.items())), notes


def _above(below: Annotation, masks: Annotation) -> tuple[Annotation, int]:
    """Two annotations of a frame as one, and how many pixels both have."""
    kind = np.result_type(below.labels, masks.labels)
    drawn, was = (
        np.where(a.void & (kind == np.uint16), 0, a.labels).astype(kind) for a in (masks, below)
    )
    claimed = (masks.labels != 0) & ~masks.void
    shared = claimed & (below.labels != 0) & ~below.void
    known = np.where((was == 0) | claimed, drawn, was)
    return Annotation(known), int(shared.sum())
