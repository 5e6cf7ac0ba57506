"""YOLO segmentation text: FRAME.txt, a line an instance, of a class and a polygon in shares.

A line is `class x1 y1 x2 y2 x3 y3 ...` with a confidence at its end or none; four numbers behind
the class are a box, `x y width height` of its middle. All are shares of width and height.
Ultralytics writes no file for a frame without instances, and counts frames of a video from 1.
"""

from functools import partial
from pathlib import Path

import numpy as np

from propago.detections import Detections
from propago.errors import SourceError
from propago.io.detection_sequence import DetectionSequence, Reader
from propago.io.names import visible
from propago.io.rle import decode, to_rle

_LABELS = "labels"
_BOX, _TRIANGLE = 4, 6


def sniff_detections(path: Path) -> bool:
    """Whether there are .txt files in a folder or its subfolder labels/."""
    return path.is_dir() and bool(_files(path))


def read_detections(path: Path) -> DetectionSequence:
    """The instances by file; a class has the name of its number where there is no other."""
    readers: dict[str | int, Reader] = {file.stem: partial(_read, file) for file in _files(path)}
    return DetectionSequence(path, readers, _class_names(path), first_number=1)


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
