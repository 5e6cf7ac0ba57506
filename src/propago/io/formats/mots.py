"""MOTS text: a line a mask, of a frame, an id, a class, a height, a width and an RLE.

Source: Voigtlaender et al., "MOTS: Multi-Object Tracking and Segmentation" (CVPR 2019). An id is
1000 times the class and a number; class 10 are areas to be ignored, which are left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from propago.detections import Detections
from propago.errors import SourceError
from propago.io.atomic import replacing
from propago.io.detection_sequence import DetectionSequence, Reader
from propago.io.frame_names import numbers_of
from propago.io.instances import FrameInstances, Instance, InstanceSequence
from propago.io.rle import Rle, as_text, coco_mask, decode, to_rle

IGNORED = 10
CLASS_NAMES = {1: "car", 2: "pedestrian"}
_FIELDS = 6


class Line(NamedTuple):
    """A mask of a file."""

    frame: int
    id: int
    class_id: int
    rle: Rle


def sniff_detections(path: Path) -> bool:
    """Whether it is a .txt file whose first line has these six fields."""
    if path.suffix.lower() != ".txt" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        fields = file.readline().split()
    return not fields or (len(fields) == _FIELDS and all(f.isdecimal() for f in fields[:5]))


def read_detections(path: Path) -> DetectionSequence:
    """The masks by frame number, without their identities.

    Raises:
        SourceError: unreadable, or a line that is none of MOTS.
    """
    frames: dict[int, list[tuple[Rle, int]]] = {}
    for line in _lines(path):
        if line.class_id != IGNORED:
            frames.setdefault(line.frame, []).append((line.rle, line.class_id))
    readers: dict[str | int, Reader] = {
        str(frame): partial(_read, path, frame, frames[frame]) for frame in sorted(frames)
    }
    return DetectionSequence(path, readers, CLASS_NAMES, numbered=True, first_number=1)


def sniff_instances(path: Path) -> bool:
    """Whether it is a .txt file whose first line has these six fields."""
    return sniff_detections(path) and path.stat().st_size > 0


def read_instances(path: Path) -> list[InstanceSequence]:
    """The tracks, frames from the first to the last that has a mask; ignored areas are void.

    Raises:
        SourceError: unreadable, or a line that is none of MOTS.
    """
    frames: dict[int, list[Line]] = defaultdict(list)
    for line in _lines(path):
        frames[line.frame].append(line)
    numbers = range(min(frames, default=0), max(frames, default=-1) + 1)
    first = next(iter(frames.values()), [None])[0]
    height, width = first.rle["size"] if first else (0, 0)
    readers = {f"{n:06d}": partial(_frame, path, frames[n], (height, width)) for n in numbers}
    return [InstanceSequence(path.stem, readers, CLASS_NAMES)]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """A line a mask; void becomes an ignored area."""
    (video,) = videos
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8") as file:
        for number, (_, found) in zip(numbers_of(list(video.readers)), video, strict=True):
            height, width = found.size
            masks = [(one.id, one.class_id, one.rle) for one in found.instances]
            if found.void is not None:
                masks.append((IGNORED * 1000, IGNORED, found.void))
            for object_id, class_id, rle in masks:
                counts = as_text(rle)["counts"]
                file.write(f"{number} {object_id} {class_id} {height} {width} {counts}\n")


def _frame(path: Path, lines: Sequence[Line], size: tuple[int, int]) -> FrameInstances:
    found, void = [], []
    for line in lines:
        rle = to_rle(line.rle, size, f"{path}: frame {line.frame}")
        assert rle is not None
        if line.class_id == IGNORED:
            void.append(rle)
        else:
            found.append(Instance(line.id, as_text(rle), line.class_id))
    found.sort(key=lambda one: one.id)
    return FrameInstances(size, tuple(found), as_text(coco_mask.merge(void)) if void else None)


def _lines(path: Path) -> Iterator[Line]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    for n, line in enumerate(filter(str.strip, lines), 1):
        try:
            frame, object_id, class_id, height, width = map(int, line.split()[:5])
            (counts,) = line.split()[5:]
        except ValueError as error:
            raise SourceError(
                f"{path}, line {n}: a line of MOTS is frame, id, class, height, width and RLE; "
                f"this one is {line[:60]!r}"
            ) from error
        yield Line(frame, object_id, class_id, {"size": [height, width], "counts": counts})


def _read(
    path: Path, frame: int, masks: Sequence[tuple[Rle, int]], size: tuple[int, int]
) -> Detections:
    rles = [to_rle(rle, size, f"{path}: frame {frame}") for rle, _ in masks]
    return Detections.of_masks(decode(rles, size), [class_id for _, class_id in masks])
