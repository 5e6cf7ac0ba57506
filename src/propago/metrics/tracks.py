"""Average precision of tracks (YouTube-VIS): a track is right when its mask is, over all frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from propago.io.rle import areas_px, intersections_px
from propago.metrics.average_precision import (
    IOU_THRESHOLDS,
    MAX_DETECTIONS,
    RECALL_POINTS,
    AveragePrecision,
    interpolated_precision,
    match_greedily,
    summarise,
)
from propago.metrics.track_files import Track, VideoTracks

SIZE_RANGES_PX = ((0, 1e10), (0, 128**2), (128**2, 256**2), (256**2, 1e10))
"""All, small, medium and large by mean area; both ends belong to a range."""


class TrackAveragePrecision:
    """AP, AP50, AP75, AR1, AR10, AR100 and the size ranges, as YouTube-VIS defines them.

    Where the official tool stops at an empty list of results, AP is 0.

    Source: Yang et al. 2019, Video Instance Segmentation, section 3.
    """

    lower_is_better = ()

    def __init__(self) -> None:
        self._matched: dict[int, list[_Matched]] = {}

    def update(self, pair: VideoTracks) -> Mapping[str, float]:
        """Match one video; its truth's listed areas decide the size ranges."""
        for category in pair.categories:
            matched = self._matched.setdefault(category, [])
            truth, detections = pair.of_category(category)
            if truth or detections:
                matched.append(_match(truth, detections))
        return {}

    def average_precision(self) -> AveragePrecision:
        """The COCO numbers of all videos so far."""
        return _accumulate(self._matched, tuple(self._matched))

    def compute(self) -> Mapping[str, float]:
        """The twelve numbers under their COCO names."""
        return self.average_precision().figures()

    def parts(self) -> Mapping[int, Mapping[str, float]]:
        """{"AP", "AR100"} of each category."""
        return self.average_precision().of_categories()


def track_ious(detections: Sequence[Track], truth: Sequence[Track]) -> np.ndarray:
    """(D, G) spatio-temporal IoU: all shared pixels of a pair of tracks over all their pixels.

    A frame that only one of the two is in adds its area to the union; two tracks without any
    pixel have IoU 0.
    """
    shared = np.zeros((len(detections), len(truth)))
    if not shared.size:
        return shared
    total = np.zeros_like(shared)
    for t in range(len(truth[0].masks)):
        rows, columns = [d.masks[t] for d in detections], [g.masks[t] for g in truth]
        shared += intersections_px(rows, columns)
        total += areas_px(rows)[:, None] + areas_px(columns)
    union = total - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


@dataclass(frozen=True)
class _Matched:
    """One category in one video: scores (D,), true and ignored (A, T, D), positives (A,)."""

    scores: np.ndarray
    true: np.ndarray
    ignored: np.ndarray
    positives: np.ndarray


def _match(truth: Sequence[Track], detections: Sequence[Track]) -> _Matched:
    detections = sorted(detections, key=lambda track: -track.score)[: MAX_DETECTIONS[-1]]
    crowd = np.array([track.crowd for track in truth], bool)
    uncounted = crowd | _outside_ranges(truth)
    matches = match_greedily(track_ious(detections, truth), uncounted, crowd)
    ignored = np.where(matches < 0, _outside_ranges(detections)[:, None, :], False)
    for area in range(len(SIZE_RANGES_PX)):
        taken = matches[area] >= 0
        ignored[area][taken] = uncounted[area][matches[area][taken]]
    scores = np.array([track.score for track in detections])
    return _Matched(scores, matches >= 0, ignored, (~uncounted).sum(1))


def _outside_ranges(tracks: Sequence[Track]) -> np.ndarray:
    """(A, N) bool: tracks whose mean area a size range does not hold."""
    areas = np.array([track.mean_area_px for track in tracks])
    return np.array([(areas < low) | (areas > high) for low, high in SIZE_RANGES_PX])


def _accumulate(
    matched: Mapping[int, Sequence[_Matched]], categories: Sequence[int]
) -> AveragePrecision:
    shape = (len(categories), len(SIZE_RANGES_PX), len(MAX_DETECTIONS))
    precision = -np.ones((len(IOU_THRESHOLDS), len(RECALL_POINTS), *shape))
    recall = -np.ones((len(IOU_THRESHOLDS), *shape))
    for k, category in enumerate(categories):
        for m, limit in enumerate(MAX_DETECTIONS):
            for a in range(len(SIZE_RANGES_PX)):
                curves = _curves(matched[category], a, limit)
                for t, (at_recalls, reached) in enumerate(curves):
                    precision[t, :, k, a, m], recall[t, k, a, m] = at_recalls, reached
    return summarise(precision, recall, categories)


def _curves(matched: Sequence[_Matched], area: int, limit: int) -> list[tuple[np.ndarray, float]]:
    """Precision curve and recall at each IoU threshold; nothing without ground truth."""
    positives = sum(int(m.positives[area]) for m in matched)
    if not positives:
        return []
    order = np.argsort(-np.concatenate([m.scores[:limit] for m in matched]), kind="stable")
    true = np.concatenate([m.true[area][:, :limit] for m in matched], axis=1)[:, order]
    counts = ~np.concatenate([m.ignored[area][:, :limit] for m in matched], axis=1)[:, order]
    return [
        interpolated_precision(hit & counted, ~hit & counted, positives)
        for hit, counted in zip(true, counts, strict=True)
    ]
