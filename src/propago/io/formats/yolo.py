"""YOLO segmentation text: FRAME.txt, a line an instance, of a class and a polygon in shares.

A line is `class x1 y1 x2 y2 x3 y3 ...` with a confidence at its end or none; four numbers behind
the class are a box, `x y width height` of its middle. All are shares of width and height.
Ultralytics writes no file for a frame without instances, and counts frames of a video from 1.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from propago.detections import Detections
from propago.errors import SourceError
from propago.io.atomic import make_folder, write_text
from propago.io.detection_sequence import DetectionSequence, Reader
from propago.io.instances import FrameInstances, Instance, InstanceSequence
from propago.io.names import visible
from propago.io.rle import decode, encode, to_rle
from propago.io.source import Source, known_indices
from propago.ops.polygons import joined, polygons_of

_LABELS = "labels"
_BOX, _TRIANGLE = 4, 6


def sniff_detections(path: Path) -> bool:
    """Whether there are .txt files in a folder or its subfolder labels/."""
    return path.is_dir() and bool(_files(path))


def read_detections(path: Path) -> DetectionSequence:
    """The instances by file; a class has the name of its number where there is no other."""
    readers: dict[str | int, Reader] = {file.stem: partial(_read, file) for file in _files(path)}
    return DetectionSequence(path, readers, _class_names(path), first_number=1)


def read_instances(path: Path, source: Source) -> list[InstanceSequence]:
    """The instances by file, numbered in each frame: there are no identities.

    Args:
        path: the folder.
        source: the frames, which say how large shares are, and which frames have no file.

    Raises:
        SourceError: no file belongs to a frame.
    """
    found = read_detections(path)
    readers, _ = found.by_frame(source)
    indices = known_indices(source) or sorted(readers)
    return [
        InstanceSequence(
            path.resolve().name,
            {
                source.stems[i] if source.stems else f"{i:05d}": partial(
                    _instances, readers.get(i), source.size
                )
                for i in indices
            },
            found.class_names,
        )
    ]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> list[str]:
    """labels/FRAME.txt, one file of a frame without instances too, and classes.txt.

    A mask is one polygon along the edges of its pixels, parts and holes tied by cuts of no width.
    """
    (video,) = videos
    classes = sorted({one.class_id for _, found in video for one in found.instances})
    make_folder(path / _LABELS)
    for name, found in video:
        write_text(
            path / _LABELS / f"{name}.txt", "".join(_line(one, classes) for one in found.instances)
        )
    write_text(path / "classes.txt", "".join(f"{video.class_name(c)}\n" for c in classes))
    renamed = [f"{c} is {n}" for n, c in enumerate(classes) if n != c]
    return [f"classes count from 0, see classes.txt: {', '.join(renamed)}"] if renamed else []


def _line(one: Instance, classes: Sequence[int]) -> str:
    height, width = one.rle["size"]
    outline = joined(polygons_of(decode([one.rle], (height, width))[0]))
    shares = (outline / (width, height)).ravel()
    return " ".join([str(classes.index(one.class_id)), *(f"{s:.8g}" for s in shares)]) + "\n"


def _instances(read: Reader | None, size: tuple[int, int]) -> FrameInstances:
    if read is None:
        return FrameInstances(size)
    found = read(size)
    assert found.masks is not None
    return FrameInstances(
        size,
        tuple(
            Instance(n, rle, int(found.classes[n - 1]), float(found.confidence[n - 1]))
            for n, rle in enumerate(encode(found.masks), 1)
        ),
    )


def _files(path: Path) -> list[Path]:
    for folder in (path / _LABELS, path):
        found = [file for file in visible(folder) if file.suffix.lower() == ".txt"]
        if found := [file for file in found if file.name != "classes.txt"]:
            return found
    return []


def _class_names(path: Path) -> dict[int, str]:
    """The lines of classes.txt, as annotation tools write it."""
    for folder in (path, path / _LABELS):
        if (file := folder / "classes.txt").is_file():
            return dict(enumerate(file.read_text("utf-8-sig").split("\n")[:-1]))
    return {}


def _read(file: Path, size: tuple[int, int]) -> Detections:
    rles, classes, confidence = [], [], []
    try:
        lines = [line for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise SourceError(f"{file} cannot be read: {error}") from error
    for n, line in enumerate(lines, 1):
        try:
            class_id, *numbers = map(float, line.split())
            outline, score = _outline(numbers)
        except ValueError as error:
            raise SourceError(
                f"{file}, line {n}: a line is a class and a polygon x1 y1 x2 y2 x3 y3 ... in "
                f"shares of the frame, perhaps a confidence; this is {line[:60]!r} ({error})"
            ) from error
        corners = (outline * size[::-1]).ravel().tolist()
        rles.append(to_rle([corners], size, f"{file}, line {n}"))
        classes.append(int(class_id))
        confidence.append(score)
    return Detections.of_masks(decode(rles, size), classes, confidence)


def _outline(numbers: list[float]) -> tuple[np.ndarray, float]:
    """(N, 2) corners in shares of width and height, and the confidence, 1 where there is none."""
    if not np.isfinite(numbers).all():
        raise ValueError("a number is not finite")
    score = numbers.pop() if len(numbers) % 2 else 1.0
    if len(numbers) == _BOX:
        x, y, width, height = numbers
        x0, y0, x1, y1 = x - width / 2, y - height / 2, x + width / 2, y + height / 2
        numbers = [x0, y0, x1, y0, x1, y1, x0, y1]
    if len(numbers) < _TRIANGLE:
        raise ValueError(f"it has {len(numbers)} coordinates")
    corners = np.array(numbers).reshape(-1, 2)
    if np.abs(corners).max() > 2:
        raise ValueError("these are pixels, not shares")
    return corners, score
