"""What the average-precision measures of frames and of tracks share: matching, curves, summary.

Precision arrays are (T, R, K, A, M), recall arrays (T, K, A, M): T IoU thresholds, R recall points,
K categories, A size ranges (all, small, medium, large), M limits on detections; -1 without truth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_POINTS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = (1, 10, 100)
_KEYS = (
    *("AP", "AP50", "AP75", "APs", "APm", "APl"),
    *("AR1", "AR10", "AR100", "ARs", "ARm", "ARl"),
)


@dataclass(frozen=True)
class CategoryPrecision:
    """AP and AR100 of one category, over all sizes; -1 where it has no ground truth."""

    category: int
    ap: float
    ar100: float


@dataclass(frozen=True)
class AveragePrecision:
    """The twelve COCO numbers, as fractions; -1 where there is no ground truth to find.

    Attributes:
        ap: mean over the IoU thresholds .50, .55 ... .95 and the categories.
        ap50: AP at IoU 0.50; `ap75` at 0.75.
        ap_small: AP of small objects only; medium and large likewise.
        ar1: best recall with 1 detection (a frame or video); `ar10`, `ar100` likewise.
        ar_small: AR100 of small objects only; medium and large likewise.
        ap_per_iou: AP at each of the ten thresholds.
        categories: the same for each category, in the order of their ids.
    """

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar1: float
    ar10: float
    ar100: float
    ar_small: float
    ar_medium: float
    ar_large: float
    ap_per_iou: tuple[float, ...]
    categories: tuple[CategoryPrecision, ...]

    def figures(self) -> dict[str, float]:
        """The twelve numbers under their COCO names, NaN for -1."""
        values = list(vars(self).values())[: len(_KEYS)]
        return {name: known(value) for name, value in zip(_KEYS, values, strict=True)}

    def of_categories(self) -> dict[int, dict[str, float]]:
        """{"AP", "AR100"} of each category, NaN for -1."""
        return {c.category: {"AP": known(c.ap), "AR100": known(c.ar100)} for c in self.categories}


def known(value: float) -> float:
    """NaN for the -1 of what has no ground truth."""
    return math.nan if value == -1 else value


def summarise(
    precision: np.ndarray, recall: np.ndarray, categories: Sequence[int]
) -> AveragePrecision:
    """The twelve numbers from precision (T, R, K, A, M) and recall (T, K, A, M)."""
    at_100, t50, t75 = -1, 0, 5
    by_size = [_mean(precision[:, :, :, area, at_100]) for area in range(4)]
    recalls = [_mean(recall[:, :, 0, limit]) for limit in range(3)]
    return AveragePrecision(
        by_size[0],
        _mean(precision[t50, :, :, 0, at_100]),
        _mean(precision[t75, :, :, 0, at_100]),
        *by_size[1:],
        *recalls,
        *(_mean(recall[:, :, area, at_100]) for area in (1, 2, 3)),
        ap_per_iou=tuple(_mean(of_threshold) for of_threshold in precision[..., 0, at_100]),
        categories=tuple(
            CategoryPrecision(
                int(category),
                _mean(precision[:, :, k, 0, at_100]),
                _mean(recall[:, k, 0, at_100]),
            )
            for k, category in enumerate(categories)
        ),
    )


def match_greedily(ious: np.ndarray, ignored: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """Which ground truth each detection takes, at every IoU threshold and size range.

    Detections choose in turn (best score first) the free ground truth of highest IoU that reaches
    the threshold, the last of equals; one that counts goes before an ignored one. A crowd can be
    taken any number of times.

    Args:
        ious: (D, G) IoU, detections in falling order of score.
        ignored: (A, G) bool: ground truth that does not count in a size range; crowds included.
        crowd: (G,) bool.

    Returns:
        (A, T, D) index of the ground truth taken, -1 for none.

    Source: the greedy matching of the COCO evaluation (Lin et al. 2014), as YouTube-VIS uses it.
    """
    n_areas, n_gt = ignored.shape
    thresholds = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)
    matches = np.full((n_areas, len(thresholds), len(ious)), -1)
    if not n_gt:
        return matches
    taken = np.zeros((n_areas, len(thresholds), n_gt), bool)
    for d, iou in enumerate(ious):
        possible = (~taken | crowd) & (iou >= thresholds[:, None])
        counting = possible & ~ignored[:, None]
        possible = np.where(counting.any(-1, keepdims=True), counting, possible)
        best = n_gt - 1 - np.where(possible, iou, -1.0)[..., ::-1].argmax(-1)
        found = possible.any(-1)
        matches[..., d] = np.where(found, best, -1)
        area, threshold = np.nonzero(found)
        taken[area, threshold, best[found]] = True
    return matches


def interpolated_precision(
    true_positive: np.ndarray, false_positive: np.ndarray, positives: int
) -> tuple[np.ndarray, float]:
    """Precision at the 101 recall points, and the recall reached.

    Args:
        true_positive: (D,) bool, detections in falling order of score.
        false_positive: (D,) bool; a detection that is neither is ignored.
        positives: number of ground truths that count; at least 1.

    Returns:
        (101,) precision, made falling from the right, 0 beyond the recall reached; the recall.
    """
    tp, fp = np.cumsum(true_positive, dtype=float), np.cumsum(false_positive, dtype=float)
    recall = tp / positives
    envelope = _falling(tp / (fp + tp + np.spacing(1)))
    at = np.searchsorted(recall, RECALL_POINTS, side="left")
    return np.append(envelope, 0.0)[at], float(recall[-1]) if len(recall) else 0.0


def area_under_envelope(recall: np.ndarray, precision: np.ndarray) -> float:
    """Area under the precision envelope over all recalls (VOC 2010 and later)."""
    steps = np.diff(recall, prepend=0.0)
    return float((steps * _falling(precision)).sum())


def eleven_points(recall: np.ndarray, precision: np.ndarray) -> float:
    """Mean of the best precision at recall >= 0, .1 ... 1 (VOC 2007)."""
    at_points = [precision[recall >= r].max(initial=0.0) for r in np.arange(0.0, 1.1, 0.1)]
    return float(np.mean(at_points))


def _falling(precision: np.ndarray) -> np.ndarray:
    return np.maximum.accumulate(precision[::-1])[::-1]


def _mean(values: np.ndarray) -> float:
    valid = values[values > -1]
    return float(valid.mean()) if valid.size else -1.0
