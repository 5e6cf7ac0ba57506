"""Average precision of tracks (YouTube-VIS): a track is right when its mask is, over all frames."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from propago.metrics.average_precision import (
    IOU_THRESHOLDS,
    MAX_DETECTIONS,
    RECALL_POINTS,
    AveragePrecision,
    interpolated_precision,
    match_greedily,
    summarise,
)
from propago.metrics.rle import areas_px, intersections_px
from propago.metrics.track_files import Track, TrackSet, read_tracks

SIZE_RANGES_PX = ((0, 1e10), (0, 128**2), (128**2, 256**2), (256**2, 1e10))
"""All, small, medium and large by mean area; both ends belong to a range."""


def track_average_precision(
    gt: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    progress: Callable[[int, int | None, str], None] | None = None,
) -> AveragePrecision:
    """AP, AP50, AP75, AR1, AR10, AR100 and the size ranges, as YouTube-VIS defines them.

    Args:
        gt: parsed ground-truth JSON; the areas it lists decide the size ranges.
        results: parsed results JSON. Where the official tool stops at an empty list, AP is 0.
        progress: called with (videos done, videos in all, "match").

    Raises:
        UsageError, MaskError: what `propago.metrics.track_files.read_tracks` refuses. A category
            that the ground truth does not list is refused; the official tool is silent about it.

    Source: Yang et al. 2019, Video Instance Segmentation, section 3.
    """
    tracks = read_tracks(gt, results)
    matched: dict[int, list[_Matched]] = {category: [] for category in tracks.categories}
    for n, video in enumerate(tracks.videos):
        for category in tracks.categories:
            found = _match_video(tracks, video, category)
            if found is not None:
                matched[category].append(found)
        if progress:
            progress(n + 1, len(tracks.videos), "match")
    return _accumulate(matched, tracks.categories)


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


def _match_video(tracks: TrackSet, video: int, category: int) -> _Matched | None:
    truth = [track for track in tracks.truth[video] if track.category == category]
    detections = [track for track in tracks.detections[video] if track.category == category]
    if not truth and not detections:
        return None
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
