"""MOTS PNG: FRAME.png of 16 bits, 1000 times the class and a number; 10000 are ignored areas."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from propago.errors import MaskError
from propago.io.atomic import make_folder
from propago.io.formats.mots import CLASS_NAMES, IGNORED
from propago.io.instances import FrameInstances, Instance, InstanceSequence
from propago.io.masks import write_mask
from propago.io.raw_masks import read_raw
from propago.io.rle import Rle
from propago.io.sequence_folders import find_folders, label_files

_CLASS = 1000
_VOID = IGNORED * _CLASS
_MAX_CLASS = 64


def read_instances(path: Path) -> list[InstanceSequence]:
    """Each folder of pictures as a video; ignored areas are void.

    Raises:
        SourceError: there are none.
        MaskError: they have not 16 bits.
    """
    return [
        InstanceSequence(
            name, {f.stem: partial(_read, f) for f in label_files(folder).values()}, CLASS_NAMES
        )
        for name, folder in find_folders(path).sequences.items()
    ]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> list[str]:
    """FRAME.png; an id that says another class gets one that says its own.

    Raises:
        MaskError: there is no id left, or no such class.
    """
    notes = []
    for video in videos:
        folder = path if len(videos) == 1 else path / video.name
        make_folder(folder)
        called = _called(video)
        for name, found in video:
            named = [replace(one, id=called[one.id, one.class_id]) for one in found.in_front_last]
            void = [] if found.void is None else [Instance(_VOID, found.void, IGNORED, 0.0)]
            everything = replace(found, instances=(*void, *named), void=None)
            write_mask(folder / f"{name}.png", everything.labels(wide=True))
        renamed = [f"{i} is {new}" for (i, _), new in sorted(called.items()) if i != new]
        if renamed:
            notes.append(f"{video.name}: an id says the class: {', '.join(renamed)}")
    return notes


def _called(video: InstanceSequence) -> dict[tuple[int, int], int]:
    """The id of each object and class."""
    pairs = {(one.id, one.class_id) for _, found in video for one in found.instances}
    kept = {pair: pair[0] for pair in pairs if pair[0] // _CLASS == pair[1]}
    taken = set(kept.values())
    for object_id, class_id in sorted(pairs - set(kept)):
        if not 0 < class_id <= _MAX_CLASS or class_id == IGNORED:
            raise MaskError(
                f"object {object_id} is of class {class_id}; MOTS PNG holds 1 to {_MAX_CLASS}, "
                f"and {IGNORED} is ignored: write mots, which is text"
            )
        wanted = class_id * _CLASS + object_id % _CLASS
        free = (class_id * _CLASS + n for n in range(1, _CLASS))
        new = wanted if wanted not in taken else next((n for n in free if n not in taken), 0)
        if not new:
            raise MaskError(f"MOTS PNG holds 999 objects of class {class_id}; there are more")
        kept[object_id, class_id] = new
        taken.add(new)
    return kept


def _read(file: Path) -> FrameInstances:
    values = read_raw(file).values
    if values.dtype != np.uint16:
        raise MaskError(f"{file} has not 16 bits; MOTS PNGs have, of 1000 times the class")
    found = FrameInstances.of_masks(values)
    void: Rle | None = next((one.rle for one in found.instances if one.id == _VOID), None)
    return FrameInstances(
        found.size,
        tuple(
            replace(one, class_id=one.id // _CLASS) for one in found.instances if one.id != _VOID
        ),
        void,
    )
