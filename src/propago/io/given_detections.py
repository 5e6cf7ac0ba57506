"""Detections that somebody has made, as a detector: it looks them up by frame."""

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from propago.detections import Detections
from propago.errors import MaskError, PropagoError, PropagoWarning, UsageError
from propago.io.detection_sequence import DetectionSequence, Reader
from propago.io.formats import open_detections
from propago.io.names import visible
from propago.io.source import Source, known_indices
from propago.ops.box_mask import filled_boxes
from propago.types import Frame

Found = Detections | np.ndarray | Any
"""Detections of a frame, a label map (H, W), or a `supervision.Detections`."""

Given = str | Path | Sequence[Found] | Mapping[int | str, Found]
"""A file or folder, or what was found in each frame: in order, or by index or name."""


@dataclass(frozen=True)
class GivenDetections:
    """Detections by frame, without identities; a `Detector`.

    Attributes:
        path: where they lie, for messages.
        readers: by `Frame.index`.
        absent_is_empty: what a frame without any means: nothing was found; else nobody looked.
        description: their digest.
        class_names: of class ids.
        notes: how they were understood.
    """

    path: Path
    readers: Mapping[int, Reader] = field(repr=False)
    absent_is_empty: bool
    description: Mapping[str, Any]
    class_names: Mapping[int, str]
    notes: tuple[str, ...] = ()

    def __call__(self, frame: Frame) -> Detections | None:
        """Those of a frame, with masks, whose boxes are tight, and none without pixels.

        Raises:
            MaskError: a damaged one, or one of another size.
        """
        read = self.readers.get(frame.index)
        if read is None:
            if not self.absent_is_empty:
                return None
            return Detections.of_masks(np.zeros((0, *frame.size), bool))
        try:
            found = read(frame.size)
        except PropagoError as error:
            said = str(error)
            told = said if str(self.path) in said else f"{self.path}: {said}"
            raise type(error)(f"frame {frame.name}: {told}") from error
        masks = found.masks
        if masks is None:
            warnings.warn(
                f"{self.path}: detections are boxes only; their boxes are their masks",
                PropagoWarning,
                stacklevel=2,
            )
            masks = filled_boxes(found.boxes_xyxy, frame.size)
        if masks.shape[1:] != frame.size:
            raise MaskError(
                f"frame {frame.name}: {self.path}: masks are {masks.shape[1:]}, the frame "
                f"{frame.size} (height, width)"
            )
        tight = Detections.of_masks(masks, found.classes, found.confidence)
        there = np.flatnonzero(tight.boxes_xyxy[:, 2] > tight.boxes_xyxy[:, 0])
        if len(there) == len(tight):
            return tight
        warnings.warn(
            f"{self.path}: detections without a pixel in their frame are left out",
            PropagoWarning,
            stacklevel=2,
        )
        return tight[there]


def gather_detections(source: Source, given: Given, *, carried: bool) -> GivenDetections:
    """The detections of the frames of a source.

    Args:
        source: the frames.
        given: see `Given`.
        carried: whether a propagator knows where instances are in frames that nobody looked at.

    Raises:
        SourceError: nothing there, in no known format, damaged, or of other frames.
        UsageError: no frame at all.
    """
    if isinstance(given, str | Path):
        found, digest = open_detections(given), digest_of(Path(given))
    else:
        found, digest = _in_memory(given), _digest(_content(given))
    readers, notes = found.by_frame(source)
    absent = [i for i in known_indices(source) if i not in readers]
    if absent and not found.every_frame:
        many = f"{len(absent)} frames have no detections ({', '.join(map(str, absent[:3]))}, ...)"
        notes += (f"{found.path}: {many}: " + ("carried" if carried else "nothing is there"),)
    return GivenDetections(
        found.path,
        readers,
        found.every_frame or not carried,
        {"detections": found.path.name, "sha256": digest},
        found.class_names,
        notes,
    )


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of the files in a folder."""
    if path.is_file():
        return _digest([path.read_bytes()])
    folders = [path, *(folder for folder in visible(path) if folder.is_dir())]
    files = [file for folder in folders for file in visible(folder) if file.is_file()]
    return _digest(part for f in files for part in (f.name.encode(), f.read_bytes()))


def _in_memory(given: Any) -> DetectionSequence:
    """What was found in each frame, by place or by key."""
    if isinstance(given, Mapping):
        items = list(given.items())
    elif isinstance(given, Sequence) or (isinstance(given, np.ndarray) and given.ndim == 3):
        items = list(enumerate(given))
    else:
        raise UsageError(
            f"`detections` are a path, a sequence with one entry a frame, or a mapping from "
            f"frames; these are {type(given).__name__}. Of a stream: propago.Tracker().update"
        )
    for key, found in items:
        if not (_is_label_map(found) or isinstance(found, Detections) or hasattr(found, "xyxy")):
            raise UsageError(
                f"`detections` of frame {key} are {type(found).__name__}; legal are "
                "propago.Detections, supervision.Detections and label maps (H, W)"
            )
    readers = {key: partial(_converted, found) for key, found in items}
    names = {1: "object"} if all(_is_label_map(found) for _, found in items) else {}
    return DetectionSequence(Path("detections"), readers, names, every_frame=False)


def _is_label_map(found: Found) -> bool:
    return isinstance(found, np.ndarray) and found.ndim == 2


def _converted(found: Found, size: tuple[int, int]) -> Detections:
    if isinstance(found, Detections):
        return found
    if _is_label_map(found):
        return Detections.from_labels(found)
    return Detections.from_supervision(found)


def _content(given: Any) -> Iterator[bytes]:
    """All that decides results, in order."""
    for key, found in given.items() if isinstance(given, Mapping) else enumerate(given):
        yield str(key).encode()
        parts = [found] if isinstance(found, np.ndarray) else vars(found).values()
        yield from (np.ascontiguousarray(p).tobytes() for p in parts if isinstance(p, np.ndarray))


def _digest(parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
