"""MOTS text: a line a mask, of a frame, an id, a class, a height, a width and an RLE.

Source: Voigtlaender et al., "MOTS: Multi-Object Tracking and Segmentation" (CVPR 2019). An id is
1000 times the class and a number; class 10 are areas to be ignored, which are left out.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from propago.detections import Detections
from propago.errors import SourceError
from propago.io.detection_sequence import DetectionSequence, Reader
from propago.io.rle import Rle, decode, to_rle

IGNORED = 10
CLASS_NAMES = {1: "car", 2: "pedestrian"}
_FIELDS = 6


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
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    for n, line in enumerate(filter(str.strip, lines), 1):
        try:
            frame, _, class_id, height, width = map(int, line.split()[:5])
            (counts,) = line.split()[5:]
        except ValueError as error:
            raise SourceError(
                f"{path}, line {n}: a line of MOTS is frame, id, class, height, width and RLE; "
                f"this one is {line[:60]!r}"
            ) from error
        if class_id != IGNORED:
            mask = ({"size": [height, width], "counts": counts}, class_id)
            frames.setdefault(frame, []).append(mask)
    readers: dict[str | int, Reader] = {
        str(frame): partial(_read, path, frame, frames[frame]) for frame in sorted(frames)
    }
    return DetectionSequence(path, readers, CLASS_NAMES, numbered=True, first_number=1)


def _read(
    path: Path, frame: int, masks: Sequence[tuple[Rle, int]], size: tuple[int, int]
) -> Detections:
    rles = [to_rle(rle, size, f"{path}: frame {frame}") for rle, _ in masks]
    return Detections.of_masks(decode(rles, size), [class_id for _, class_id in masks])
