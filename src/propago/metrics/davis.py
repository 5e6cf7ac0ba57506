"""Region similarity J and boundary accuracy F of label maps (Perazzi et al., CVPR 2016)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from propago.errors import MaskError, ShapeError
from propago.metrics.boundary import default_tolerance_px
from propago.metrics.counts import Counts, count_objects
from propago.metrics.scratch import Scratch
from propago.metrics.statistics import decay, mean, recall

if TYPE_CHECKING:
    from propago.metrics.pairs import MaskPair

VOID = 255


def jaccard(counts: Counts) -> np.ndarray:
    """J of every object or pair, float64: intersection over union; 1 where both are empty."""
    union = counts.gt_area + counts.pred_area - counts.intersection
    return np.where(union == 0, 1.0, counts.intersection / np.maximum(union, 1))


def f_measure(counts: Counts) -> np.ndarray:
    """F of every object or pair, float64: 2 p r / (p + r) of boundary precision p and recall r.

    Of two empty boundaries F is 1, of one empty boundary 0. A mask that fills the picture has
    no boundary.
    """
    precision = counts.pred_matched / np.maximum(counts.pred_boundary, 1)
    recall = counts.gt_matched / np.maximum(counts.gt_boundary, 1)
    total = precision + recall
    score = 2 * precision * recall / np.where(total == 0, 1.0, total)
    return np.where((counts.gt_boundary == 0) & (counts.pred_boundary == 0), 1.0, score)


class RegionSimilarity:
    """J of one object: mean, recall and decay over its frames."""

    lower_is_better = ("J_decay",)

    def __init__(self) -> None:
        self._values: list[float] = []

    def update(self, pair: "MaskPair") -> Mapping[str, float]:
        """J of a frame; 1 where the object is absent from both maps."""
        self._values.append(pair.measured(jaccard))
        return {"J": self._values[-1]}

    def compute(self) -> Mapping[str, float]:
        """{"J_mean", "J_recall", "J_decay"}, fractions."""
        return _statistics("J", self._values)


class BoundaryAccuracy:
    """F of one object: mean, recall and decay over its frames."""

    lower_is_better = ("F_decay",)

    def __init__(self) -> None:
        self._values: list[float] = []

    def update(self, pair: "MaskPair") -> Mapping[str, float]:
        """F of a frame; 1 where the object is absent from both maps."""
        self._values.append(pair.measured(f_measure))
        return {"F": self._values[-1]}

    def compute(self) -> Mapping[str, float]:
        """{"F_mean", "F_recall", "F_decay"}, fractions."""
        return _statistics("F", self._values)


class JAndF:
    """J and F of one object, and their mean J&F, the figure that ranks methods."""

    lower_is_better = ("J_decay", "F_decay")

    def __init__(self) -> None:
        self._region, self._boundary = RegionSimilarity(), BoundaryAccuracy()

    def update(self, pair: "MaskPair") -> Mapping[str, float]:
        """J and F of a frame."""
        return {**self._region.update(pair), **self._boundary.update(pair)}

    def compute(self) -> Mapping[str, float]:
        """{"J&F", "J_mean", ...}, fractions."""
        figures = {**self._region.compute(), **self._boundary.compute()}
        return {"J&F": (figures["J_mean"] + figures["F_mean"]) / 2, **figures}


def region_similarity(gt: np.ndarray, pred: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """J of each object of one frame.

    Args:
        gt: (H, W) integer or bool label map, 0 background.
        pred: (H, W) label map of the same size.
        ids: the object ids to score; other labels are background.

    Returns:
        (K,) float64 in [0, 1], in the order of `ids`.

    Raises:
        ShapeError: the maps are not two-dimensional or differ in size.
    """
    return jaccard(_count(gt, pred, ids, 0, Scratch()))


def boundary_accuracy(
    gt: np.ndarray, pred: np.ndarray, ids: Sequence[int], tolerance_px: int | None = None
) -> np.ndarray:
    """F of each object of one frame.

    Args:
        gt: (H, W) integer or bool label map, 0 background.
        pred: (H, W) label map of the same size.
        ids: the object ids to score; other labels are background.
        tolerance_px: largest distance at which boundary pixels match; None: 0.8 % of the diagonal.

    Returns:
        (K,) float64 in [0, 1], in the order of `ids`.

    Raises:
        ShapeError: the maps are not two-dimensional or differ in size.
    """
    return f_measure(_count(gt, pred, ids, tolerance_px, Scratch()))


def score_frame(
    gt: np.ndarray,
    pred: np.ndarray,
    ids: Sequence[int],
    tolerance_px: int | None = None,
    scratch: Scratch | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(J, F) of each object of one frame: both of the above at the price of one.

    A `scratch` that is passed from frame to frame saves most of the time.
    """
    counts = _count(gt, pred, ids, tolerance_px, scratch or Scratch())
    return jaccard(counts), f_measure(counts)


def indexed(labels: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """The label map with each id replaced by its place in `ids`, from 1; other labels by 0.

    Returns:
        (H, W) uint8, or uint16 for more than 255 ids.

    Raises:
        MaskError: a label is negative.
    """
    dtype = np.uint8 if len(ids) <= 255 else np.uint16
    if labels.dtype == bool:
        labels = labels.view(np.uint8)
    if labels.dtype.kind != "u" and labels.min(initial=0) < 0:
        raise MaskError(f"a label map has ids from 0; this one has {labels.min()}")
    highest = int(labels.max(initial=0))
    if highest <= len(ids) and tuple(ids) == tuple(range(1, len(ids) + 1)):
        return labels.astype(dtype, copy=False)
    table = np.zeros(max(highest, *ids, 0) + 1, dtype)
    table[list(ids)] = np.arange(1, len(ids) + 1)
    return table[labels]


def _statistics(name: str, values: Sequence[float]) -> dict[str, float]:
    scores = np.array(values, np.float64)
    return {f"{name}_{f.__name__}": f(scores) for f in (mean, recall, decay)}


def _count(
    gt: np.ndarray,
    pred: np.ndarray,
    ids: Sequence[int],
    tolerance_px: int | None,
    scratch: Scratch,
) -> Counts:
    if gt.ndim != 2 or gt.shape != pred.shape:
        raise ShapeError(
            f"label maps of one frame are (H, W) of one size; the ground truth is {gt.shape}, "
            f"the prediction {pred.shape}"
        )
    radius = default_tolerance_px(gt.shape) if tolerance_px is None else tolerance_px
    return count_objects(indexed(gt, ids), indexed(pred, ids), len(ids), radius, scratch)
