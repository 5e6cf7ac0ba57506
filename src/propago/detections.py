"""What a detector finds in one frame, and what a tracker makes of it in a video.

Conversions from and to files stand in `propago.io.formats`: `coco` and `youtube_vis`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np

from propago.conventions import VOID
from propago.errors import MaskError, ShapeError, UsageError

MAX_ID = 65535
"""The highest id of a label map of 16 bits."""


@dataclass(frozen=True)
class Detections:
    """N instances in one frame.

    Attributes:
        boxes_xyxy: (N, 4) float x0, y0, x1, y1 in pixels, exclusive end.
        classes: (N,) int category ids.
        confidence: (N,) float in [0, 1]; NaN, like a box that is no box, is a MaskError.
        masks: (N, H, W) bool; None where only boxes are known.
        embeddings: (N, D) float, what tells instances apart.
        ids: (N,) int identities, positive and distinct; None where none are assigned.
        parents: (N,) int, of a part of an instance that has divided the id of that one, else 0.
    """

    boxes_xyxy: np.ndarray
    classes: np.ndarray
    confidence: np.ndarray
    masks: np.ndarray | None = None
    embeddings: np.ndarray | None = None
    ids: np.ndarray | None = None
    parents: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together, and numbers that are none."""
        n = len(self.boxes_xyxy)
        if self.boxes_xyxy.shape != (n, 4):
            raise ShapeError(f"boxes are (N, 4); these are {self.boxes_xyxy.shape}")
        for name in ("classes", "confidence", "ids", "parents", "masks", "embeddings"):
            part, dims = getattr(self, name), {"masks": 3, "embeddings": 2}.get(name, 1)
            if part is not None and (part.ndim != dims or len(part) != n):
                raise ShapeError(
                    f"{name} of {n} detections have {dims} axes, the first of length {n}; these "
                    f"are {part.shape}"
                )
        if self.masks is not None and self.masks.dtype != bool:
            raise MaskError(f"masks of detections are bool; these are {self.masks.dtype}")
        if self.ids is not None and (len(set(self.ids.tolist())) < n or (self.ids <= 0).any()):
            raise MaskError(f"ids are distinct and positive; these are {self.ids.tolist()}")
        self._refuse_numbers()

    def _refuse_numbers(self) -> None:
        low, high = self.boxes_xyxy[:, :2], self.boxes_xyxy[:, 2:]
        for box in self.boxes_xyxy[~((low <= high) & np.isfinite(high - low)).all(1)]:
            raise MaskError(
                f"a box is x0, y0, x1, y1, finite, and x1, y1 not below x0, y0; one is "
                f"{box.tolist()}"
            )
        for score in self.confidence[~((self.confidence >= 0) & (self.confidence <= 1))]:
            raise MaskError(
                f"a confidence is in [0, 1]; one is {score:g}: divide per cents by 100, apply a "
                "sigmoid to logits"
            )

    def __len__(self) -> int:
        """N."""
        return len(self.boxes_xyxy)

    def __getitem__(self, chosen: np.ndarray | slice | list[int]) -> "Detections":
        """Those at some places, by a mask of (N,) bool, in the order of indices, or a slice."""
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return replace(self, **{n: p[chosen] for n, p in parts.items() if p is not None})

    def joined(self, other: "Detections") -> "Detections":
        """These, and behind them those of `other`; parts that only one of both has are dropped."""
        parts = {}
        for name in self.__dataclass_fields__:
            a, b = getattr(self, name), getattr(other, name)
            parts[name] = None if a is None or b is None else np.concatenate([a, b])
        return Detections(**parts)

    @classmethod
    def of_masks(
        cls, masks: np.ndarray, classes: Any = None, confidence: Any = None, ids: Any = None
    ) -> "Detections":
        """Detections with the tight boxes of (N, H, W) bool masks, 0 0 0 0 where one is empty.

        Classes are 1 and confidences 1 where none are given.
        """
        n = len(masks)
        return cls(
            np.array([_box(mask) for mask in masks], np.float64).reshape(n, 4),
            np.ones(n, np.int64) if classes is None else np.asarray(classes, np.int64),
            np.ones(n) if confidence is None else np.asarray(confidence, np.float64),
            masks,
            ids=None if ids is None else np.asarray(ids, np.int64),
        )

    @classmethod
    def from_labels(cls, labels: np.ndarray) -> "Detections":
        """The objects of an (H, W) label map, by ascending id; void is none."""
        ids = [i for i in np.unique(labels) if i and (i != VOID or labels.dtype != np.uint8)]
        masks = np.array([labels == i for i in ids], bool).reshape(len(ids), *labels.shape)
        return cls.of_masks(masks, ids=ids)

    def labels(self) -> np.ndarray:
        """(H, W) label map of the ids, or of 1 to N without ids; the more confident is in front.

        uint8 where every id is at most 254, else uint16.

        Raises:
            MaskError: there are no masks, or an id that a label map cannot hold.
        """
        if self.masks is None:
            raise MaskError("a label map needs masks; these detections are boxes only")
        if self.ids is not None and self.ids.max(initial=0) > MAX_ID:
            raise MaskError(f"a label map holds ids up to {MAX_ID}; there is {self.ids.max()}")
        ids = np.arange(1, len(self) + 1) if self.ids is None else self.ids
        wide = ids.max(initial=0) >= VOID
        labels = np.zeros(self.masks.shape[1:], np.uint16 if wide else np.uint8)
        for n in np.argsort(self.confidence, kind="stable"):
            labels[self.masks[n]] = ids[n]
        return labels

    @classmethod
    def from_supervision(cls, found: Any) -> "Detections":
        """From a `supervision.Detections`: xyxy, class_id, confidence, mask, tracker_id."""
        n = len(found.xyxy)
        classes, confidence = found.class_id, found.confidence
        return cls(
            np.asarray(found.xyxy, np.float64),
            np.ones(n, np.int64) if classes is None else np.asarray(classes, np.int64),
            np.ones(n) if confidence is None else np.asarray(confidence, np.float64),
            None if found.mask is None else np.asarray(found.mask, bool),
            ids=None if found.tracker_id is None else np.asarray(found.tracker_id, np.int64),
        )

    def to_supervision(self) -> Any:
        """A `supervision.Detections` of the same; embeddings are left out.

        Raises:
            UsageError: supervision is not installed.
        """
        try:
            make = import_module("supervision").Detections
        except ImportError as error:
            raise UsageError(f"supervision cannot be imported ({error}): pip install it") from error
        return make(
            xyxy=self.boxes_xyxy,
            mask=self.masks,
            confidence=self.confidence,
            class_id=self.classes,
            tracker_id=self.ids,
        )


@dataclass(frozen=True)
class Tracks:
    """The instances of one video: detections with ids, by frame.

    Attributes:
        frames: the detections of each frame by its name, in order; all have ids.
        size: (H, W) of the video.
    """

    frames: Mapping[str, Detections]
    size: tuple[int, int]

    def __post_init__(self) -> None:
        """Refuse detections without identities."""
        for name, found in self.frames.items():
            if found.ids is None and len(found):
                raise MaskError(f"frame {name}: the detections of a track have ids; these have not")

    @property
    def ids(self) -> tuple[int, ...]:
        """Every identity, ascending."""
        return tuple(sorted({int(i) for f in self.frames.values() for i in _ids(f)}))

    def of(self, track_id: int) -> dict[str, Detections]:
        """The one detection of an identity in each frame that it is in."""
        places = {name: _ids(found) == track_id for name, found in self.frames.items()}
        return {name: self.frames[name][there] for name, there in places.items() if there.any()}


def _ids(found: Detections) -> np.ndarray:
    return np.zeros(0, np.int64) if found.ids is None else found.ids


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
