"""Cell Tracking Challenge: mask000.tif of 16 bits a frame, and res_track.txt of all tracks.

A line is a label, its first and last frame, and the label of its parent, 0 without one. The
ground truth has man_track000.tif and man_track.txt. A label has no gaps: what comes back is a new
one, whose parent is the old.

Source: Ulman et al., "An objective comparison of cell-tracking algorithms" (Nature Methods 2017),
and the challenge's "Naming and file content conventions".
"""

import re
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from propago.detections import MAX_ID
from propago.errors import MaskError, SourceError
from propago.io.atomic import make_folder, replacing, write_text
from propago.io.frame_names import numbers_of
from propago.io.instances import FrameInstances, InstanceSequence
from propago.io.label_runs import labels_of_rles
from propago.io.names import visible
from propago.io.raw_masks import read_raw
from propago.io.tiff_writer import TiffWriter

TABLES = ("res_track.txt", "man_track.txt")
_MASK = re.compile(r"(?:mask|man_track|man_seg)_?([0-9]{3,})\.tiff?$", re.IGNORECASE)

Stretch = tuple[int, int, int]
"""The first frame, the last, and the label of an object there."""


def sniff_instances(path: Path) -> bool:
    """Whether there are such files in a folder or its subfolder TRA."""
    return bool(_files(path))


def read_instances(path: Path) -> list[InstanceSequence]:
    """The one video, with the parents that the table says.

    Raises:
        SourceError: there are no masks, or a line of the table is none.
        MaskError: a mask is unreadable.
    """
    files = _files(path)
    if not files:
        raise SourceError(f"{path} holds no mask000.tif or man_track000.tif, and so on")
    folder = next(iter(files.values())).parent
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    readers = {number: partial(_read, file) for number, file in files.items()}
    parents = _parents(table) if table else {}
    return [InstanceSequence(path.resolve().name, readers, parents=parents)]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> list[str]:
    """mask000.tif and so on, and res_track.txt.

    Raises:
        MaskError: a label exceeds 65535.
    """
    (video,) = videos
    make_folder(path)
    names = list(video.readers)
    numbers = numbers_of(names)
    digits = max(3, len(str(max(numbers, default=0))))
    stretches = _stretches(video)
    for n, (number, (_, found)) in enumerate(zip(numbers, video, strict=True)):
        drawn = [
            (label, one.rle)
            for one in found.in_front_last
            for first, last, label in stretches[one.id]
            if first <= n <= last
        ]
        with (
            replacing(path / f"mask{number:0{digits}d}.tif") as unfinished,
            unfinished.open("wb") as file,
        ):
            TiffWriter(file).append(labels_of_rles(drawn, found.size, np.uint16), names[n])
    lines = _table(stretches, numbers, video)
    write_text(path / TABLES[0], "".join(sorted(lines, key=lambda s: int(s.split()[0]))))
    again = [
        f"{i} is {label} from frame {numbers[first]} on"
        for i, parts in sorted(stretches.items())
        for first, _, label in parts[1:]
    ]
    more = f" and {len(again) - 3} more" if len(again) > 3 else ""
    return [f"a label has no gaps: {', '.join(again[:3])}{more}"] if again else []


def _files(path: Path) -> dict[str, Path]:
    for folder in (path, path / "TRA"):
        found = [(m[1], f) for f in visible(folder) if (m := _MASK.match(f.name))]
        if found:
            return dict(sorted(found, key=lambda named: int(named[0])))
    return {}


def _read(file: Path) -> FrameInstances:
    values = read_raw(file).values
    if values.ndim != 2:
        raise MaskError(f"{file} has colours; masks of the challenge are grey, of 16 bits")
    return FrameInstances.of_masks(values.astype(np.uint16))


def _parents(table: Path) -> dict[int, int]:
    parents = {}
    for n, line in enumerate(table.read_text("utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        fields = line.split()
        if len(fields) != 4 or not all(field.isdecimal() for field in fields):
            raise SourceError(
                f"{table}, line {n}: a line is label, first frame, last frame and parent; this "
                f"one is {line[:60]!r}"
            )
        label, _, _, parent = map(int, fields)
        if parent:
            parents[label] = parent
    return parents


def _stretches(video: InstanceSequence) -> dict[int, list[Stretch]]:
    """Where each object is without a gap; from the second on under labels that are free."""
    frames: dict[int, list[int]] = {}
    for n, (_, found) in enumerate(video):
        for one in found.instances:
            frames.setdefault(one.id, []).append(n)
    free = max(frames, default=0) + 1
    stretches: dict[int, list[Stretch]] = {}
    for object_id, places in sorted(frames.items()):
        ends = [a for a, b in pairwise(places) if b > a + 1] + [places[-1]]
        begins = [places[0]] + [b for a, b in pairwise(places) if b > a + 1]
        labels = [object_id, *range(free, free + len(begins) - 1)]
        free += len(begins) - 1
        stretches[object_id] = list(zip(begins, ends, labels, strict=True))
    if free - 1 > MAX_ID:
        raise MaskError(f"labels of the challenge are up to {MAX_ID}; there is {free - 1}")
    return stretches


def _table(
    stretches: dict[int, list[Stretch]], numbers: Sequence[int], video: InstanceSequence
) -> list[str]:
    lines = []
    for object_id, parts in stretches.items():
        parent = video.parents.get(object_id, 0)
        if parent in stretches:
            before = [p[2] for p in stretches[parent] if p[1] < parts[0][0]]
            parent = before[-1] if before else 0
        else:
            parent = 0
        for first, last, label in parts:
            lines.append(f"{label} {numbers[first]} {numbers[last]} {parent}\n")
            parent = label
    return lines
