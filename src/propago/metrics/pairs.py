"""Truth and prediction side by side: the label maps of a frame, and one object in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import compress

import numpy as np

from propago.errors import MaskError
from propago.io.masks import read_labels
from propago.io.raw_masks import present
from propago.io.sequence_folders import FrameFiles
from propago.metrics.boundary import default_tolerance_px
from propago.metrics.counts import Counts, count_objects
from propago.metrics.davis import VOID, indexed
from propago.metrics.scratch import Scratch

Formula = Callable[[Counts], np.ndarray]
"""From the counts of K objects to a value of each, (K,) float64."""

FEW = 15
"""Up to this highest id all ids 1 .. highest are counted, without a search for those present."""


@dataclass(frozen=True)
class LabelRules:
    """How the label maps of a frame are read.

    Attributes:
        binary: every label but 0 is object 1.
        void_counts: void pixels of the ground truth are background; else they are left out.
        tolerance_px: see `propago.metrics.davis.boundary_accuracy`.
    """

    binary: bool = False
    void_counts: bool = False
    tolerance_px: int | None = None

    def radius_px(self, shape: tuple[int, ...]) -> int:
        """The tolerance in a picture of this (H, W)."""
        if self.tolerance_px is not None:
            return self.tolerance_px
        return default_tolerance_px((shape[0], shape[1]))


@dataclass
class LabelPair:
    """The label maps of one frame as they are compared.

    Attributes:
        gt: (H, W) unsigned true ids.
        pred: (H, W) unsigned predicted ids.
        gt_ids: ids with a pixel in `gt`, ascending.
        pred_ids: ids with a pixel in the prediction, ascending; pixels over void count.
        ids: the K ids that `counts` are of; all others are absent from both maps.
        counts: their pixels.
    """

    gt: np.ndarray
    pred: np.ndarray
    gt_ids: tuple[int, ...]
    pred_ids: tuple[int, ...]
    ids: tuple[int, ...]
    counts: Counts
    _values: dict[Formula, dict[int, float]] = field(default_factory=dict)

    def measured(self, formula: Formula, object_id: int) -> float:
        """The value of one object, computed for all objects at once and remembered."""
        if formula not in self._values:
            values = formula(self.counts).tolist()
            self._values[formula] = dict(zip(self.ids, values, strict=True))
        value = self._values[formula].get(object_id)
        return _of_absent(formula) if value is None else value


@dataclass(frozen=True)
class MaskPair:
    """The two masks of one object in one frame."""

    frame: LabelPair
    object_id: int

    @property
    def gt(self) -> np.ndarray:
        """(H, W) bool true mask."""
        return self.frame.gt == self.object_id

    @property
    def pred(self) -> np.ndarray:
        """(H, W) bool predicted mask."""
        return self.frame.pred == self.object_id

    def measured(self, formula: Formula) -> float:
        """A value made of the counts of pixels, e.g. `propago.metrics.davis.jaccard`."""
        return self.frame.measured(formula, self.object_id)


def read_pair(files: FrameFiles) -> tuple[np.ndarray, np.ndarray]:
    """The true and the predicted label map of a frame, (H, W) uint8 or uint16.

    Raises:
        SourceError: a file is missing or unreadable.
        MaskError: a file holds no label map, or the two differ in size.
    """
    gt, pred = read_labels(files.gt, files.gt_policy), read_labels(files.pred, files.pred_policy)
    if gt.shape != pred.shape:
        raise MaskError(
            f"{files.pred} is {pred.shape[1]} x {pred.shape[0]} pixels, its ground truth "
            f"{files.gt} {gt.shape[1]} x {gt.shape[0]}; they must be of one size"
        )
    return gt, pred


def pair_labels(
    gt: np.ndarray, pred: np.ndarray, rules: LabelRules, scratch: Scratch | None = None
) -> LabelPair:
    """The label maps of a frame, counted.

    Args:
        gt: (H, W) uint8 or uint16 true label map, 255 void where uint8.
        pred: (H, W) uint8 or uint16 predicted label map.
        rules: how to read them.
        scratch: memory to work in.
    """
    gt, pred, drawn = without_void(gt, pred, rules)
    ids = tuple(sorted({*candidates(gt), *candidates(pred)}))
    counts = count_objects(
        numbered(gt, ids),
        numbered(pred, ids),
        len(ids),
        rules.radius_px(gt.shape),
        scratch or Scratch(),
    )
    gt_ids, pred_ids = compress(ids, counts.gt_area), compress(ids, counts.pred_area)
    drawn = tuple(pred_ids) if drawn is None else drawn
    return LabelPair(gt, pred, tuple(gt_ids), drawn, ids, counts)


def empty_pair(shape: tuple[int, ...]) -> LabelPair:
    """A frame of this (H, W) without any object."""
    nothing = np.zeros(shape, np.uint8)
    return LabelPair(nothing, nothing, (), (), (), _counts_of_nothing(0))


def without_void(
    gt: np.ndarray, pred: np.ndarray, rules: LabelRules
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...] | None]:
    """Both maps as they are compared, and the ids that are drawn where void hides some of them."""
    if rules.binary:
        return (gt != 0).view(np.uint8), (pred != 0).view(np.uint8), None
    if gt.dtype != np.uint8 or gt.max(initial=0) != VOID:
        return gt, pred, None
    void = gt == VOID
    if rules.void_counts:
        return np.where(void, 0, gt), pred, None
    return np.where(void, 0, gt), np.where(void, 0, pred), present_ids(pred)


def renamed(labels: np.ndarray, names: Mapping[int, int]) -> np.ndarray:
    """The label map with each id replaced by its name; ids without one by 0."""
    dtype = np.uint8 if max(names.values(), default=0) <= 255 else np.uint16
    table = np.zeros(max(int(labels.max(initial=0)), *names, 0) + 1, dtype)
    table[list(names)] = list(names.values())
    return table[labels]


def present_ids(labels: np.ndarray) -> tuple[int, ...]:
    """The values but 0 in an unsigned label map, ascending; void is one."""
    return tuple(i for i in present(labels).tolist() if i)


def candidates(labels: np.ndarray) -> tuple[int, ...]:
    """Ids that include all present ones: 1 .. highest where those are few."""
    highest = int(labels.max(initial=0))
    return tuple(range(1, highest + 1)) if highest <= FEW else present_ids(labels)


def numbered(labels: np.ndarray, ids: tuple[int, ...]) -> np.ndarray:
    """Labels that are all in `ids`, by their place in it from 1."""
    return labels if len(ids) <= FEW and ids[-1:] in ((), (len(ids),)) else indexed(labels, ids)


@cache
def _of_absent(formula: Formula) -> float:
    return float(formula(_counts_of_nothing(1))[0])


def _counts_of_nothing(count: int) -> Counts:
    return Counts(*[np.zeros(count, np.int64)] * 7)
