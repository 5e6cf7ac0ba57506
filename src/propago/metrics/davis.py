"""Region similarity J and boundary accuracy F of label maps (Perazzi et al., CVPR 2016)."""

from collections.abc import Iterable, Sequence

import numpy as np

from propago.errors import MaskError, ShapeError
from propago.metrics.boundary import default_tolerance_px
from propago.metrics.counts import Counts, count_objects
from propago.metrics.scratch import Scratch

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


def evaluate_sequence(
    gt_maps: Iterable[np.ndarray],
    pred_maps: Iterable[np.ndarray],
    ids: Sequence[int],
    tolerance_px: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """J and F of each object in each frame of one sequence.

    Args:
        gt_maps: T label maps (H, W), read one by one; all that are passed are scored.
        pred_maps: as many predicted maps of the same sizes.
        ids: the object ids to score.
        tolerance_px: see `boundary_accuracy`.

    Returns:
        J (K, T) and F (K, T), float64 in [0, 1].

    Raises:
        ShapeError: two maps differ in size.
        MaskError: there are more frames on one side.
    """
    scores, scratch = [], Scratch()
    try:
        for gt, pred in zip(gt_maps, pred_maps, strict=True):
            scores.append(score_frame(gt, pred, ids, tolerance_px, scratch))
    except ValueError as error:
        raise MaskError(
            f"ground truth and prediction have different numbers of frames: {error}"
        ) from error
    both = np.array(scores, np.float64).reshape(-1, 2, len(ids))
    return both[:, 0].T, both[:, 1].T


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
