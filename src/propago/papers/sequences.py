"""The sequences a table is made of, refused before they cost anything if they cannot be scored."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from propago.errors import SourceError, UsageError
from propago.io.atomic import make_folder, replacing
from propago.io.davis import is_davis_root, open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.sequence_folders import label_files
from propago.io.source import Source
from propago.papers.options import ReproduceOptions

HINT = "name `sequences`, or another `set`"


def chosen(data: Path, options: ReproduceOptions) -> list[Source]:
    """The chosen sequences of a DAVIS root, each with the ground truth of all its frames.

    Raises:
        UsageError: it has no such sequence.
        SourceError: no DAVIS root, no such set, or a sequence that cannot be read or scored.
    """
    sources = named_sources(data, options)
    for source in sources:
        _require_ground_truth(data, source)
    return sources


def named_sources(data: Path, options: ReproduceOptions) -> list[Source]:
    """The chosen sequences of a DAVIS root.

    Raises:
        UsageError: it has no such sequence.
        SourceError: no DAVIS root, no such set, or a sequence that cannot be read.
    """
    frames = {"end": options.end, "every": options.every}
    named = options.sequences
    return _named(data, named, frames) if named else _of_set(data, options.set, frames)


def truth_of(data: Path, source: Source, folder: Path) -> Path:
    """Where `evaluate` finds the ground truth of the source's selected frames, and of no other.

    The DAVIS root where all frames are selected, else `folder`, which receives a copy.
    """
    stems, labels = _stems(source), davis_annotations(data, source.name)
    if stems == source.stems:
        return data
    make_folder(folder / source.name)
    for stem in stems:
        with replacing(folder / source.name / f"{stem}.png") as unfinished:
            shutil.copyfile(labels / f"{stem}.png", unfinished)
    return folder


def _stems(source: Source) -> tuple[str, ...]:
    """Of the selected frames."""
    chosen = source.selected
    return (source.stems or ())[chosen.start : chosen.stop : chosen.step]


def _named(data: Path, names: tuple[str, ...], frames: Mapping[str, Any]) -> list[Source]:
    there = {source.name: source for source in open_davis(data, **frames)}
    missing = [name for name in names if name not in there]
    if missing:
        raise UsageError(f"`sequences` {missing[0]}: {data} has {', '.join(there)}")
    return [there[name] for name in dict.fromkeys(names)]


def _of_set(data: Path, name: str, frames: Mapping[str, Any]) -> list[Source]:
    try:
        return open_davis(data, Path(name), **frames)
    except SourceError as error:
        if not is_davis_root(data):
            raise
        raise SourceError(f"{error}; {HINT}") from error


def _require_ground_truth(data: Path, source: Source) -> None:
    """Refuse a sequence whose label maps are not those of its frames, or fewer than 3."""
    folder = davis_annotations(data, source.name)
    labels, frames = label_files(folder).keys(), set(source.stems or ())
    if labels != frames or len(labels) < 3:
        raise SourceError(
            f"{folder} has {len(labels)} label maps, {source.path} {len(frames)} frames: a table "
            "needs the ground truth of every frame, under the frame's name, and at least 3; "
            f"{HINT}"
        )
    if len(_stems(source)) < 3:
        raise UsageError(
            f"`end` and `every` leave {len(_stems(source))} frames of {source.name}: a table needs "
            "at least 3, of which the first and the last are not scored"
        )
