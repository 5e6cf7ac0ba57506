"""Parsed YouTube-VIS JSON, checked and brought to one form: the tracks of each video."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from propago.errors import MaskError, UsageError
from propago.io.json_fields import (
    is_id,
    is_length,
    is_list,
    is_number,
    is_whole,
    require_records,
)
from propago.io.rle import Rle, areas_px, to_rle

_VIDEO = {"id": is_id, "height": is_length, "width": is_length}
_FRAMES = {"length": is_whole, "file_names": is_list}
_TRACK = {"video_id": is_id, "category_id": is_whole, "segmentations": is_list}
_ABOUT = {"id": is_whole, "iscrowd": is_whole}


@dataclass(frozen=True)
class Track:
    """One object through one video.

    Attributes:
        id: the annotation's id, or the position of a detection in the results.
        category: category id.
        masks: one compressed RLE a frame, None where the object is absent.
        mean_area_px: mean over the frames in which it has any pixel; 0 for none.
        score: confidence of a detection; 1 for ground truth.
        crowd: a region of many objects: never counted, and free to be matched many times.
    """

    id: int
    category: int
    masks: tuple[Rle | None, ...]
    mean_area_px: float
    score: float = 1.0
    crowd: bool = False


@dataclass(frozen=True)
class VideoTracks:
    """Ground truth and detections of one video.

    Attributes:
        video: its id.
        categories: the ids of all categories of the ground truth, ascending.
        truth: its objects.
        detections: what was found in it.
    """

    video: int
    categories: tuple[int, ...]
    truth: tuple[Track, ...]
    detections: tuple[Track, ...]

    def of_category(self, category: int) -> tuple[list[Track], list[Track]]:
        """Objects and detections of one category."""
        truth, found = (
            [track for track in tracks if track.category == category]
            for tracks in (self.truth, self.detections)
        )
        return truth, found


def read_tracks(gt: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> list[VideoTracks]:
    """The videos of a parsed YouTube-VIS ground-truth file and of a parsed results file, by id.

    Args:
        gt: {"videos", "categories", "annotations"}; masks as RLE of either kind or polygons.
        results: [{"video_id", "category_id", "score", "segmentations"}]; may be empty.

    Raises:
        UsageError: a key is missing, or an id names no video or category of the ground truth.
        MaskError: a mask of an unknown form, of another size, or for too many or few frames.
    """
    if not isinstance(gt, Mapping):
        raise UsageError("the ground truth is a YouTube-VIS object with videos and annotations")
    if isinstance(results, Mapping):
        raise UsageError("results are a list of tracks; this is an object (a ground-truth file?)")
    listed = {name: _field(gt, name, "ground truth") for name in ("videos", "categories")}
    videos = {v["id"]: v for v in require_records(listed["videos"], "video", _VIDEO, _FRAMES)}
    sorts = require_records(listed["categories"], "category", {"id": is_whole})
    categories = tuple(sorted(category["id"] for category in sorts))
    require_records(_field(gt, "annotations", "ground truth"), "annotation", _TRACK, _ABOUT)
    require_records(results, "result", {**_TRACK, "score": is_number})
    truth: dict[int, list[Track]] = {video: [] for video in videos}
    detections: dict[int, list[Track]] = {video: [] for video in videos}
    for n, annotation in enumerate(_field(gt, "annotations", "ground truth")):
        video = _video_of(annotation, videos, f"annotation {annotation.get('id', n)}")
        truth[video["id"]].append(_true_track(n, annotation, video, categories))
    for n, result in enumerate(results):
        video = _video_of(result, videos, f"result {n}")
        detections[video["id"]].append(_detected_track(n, result, video, categories))
    return [
        VideoTracks(video, categories, tuple(truth[video]), tuple(detections[video]))
        for video in sorted(videos)
    ]


def _true_track(
    n: int, annotation: Mapping[str, Any], video: Mapping[str, Any], categories: Sequence[int]
) -> Track:
    number = annotation.get("id", n)
    where = f"annotation {number}"
    masks = _masks(annotation, video, where)
    listed = annotation.get("areas")
    if listed is not None and not (is_list(listed) and all(map(is_number, filter(None, listed)))):
        raise UsageError(f"{where}: 'areas' is a list of numbers and null; this is {listed!r:.40}")
    areas = areas_px(masks) if listed is None else np.array([a or 0.0 for a in listed], float)
    category = _category(annotation, categories, where)
    crowd = bool(annotation.get("iscrowd", 0))
    return Track(number, category, masks, _mean_of_present(areas), crowd=crowd)


def _detected_track(
    n: int, result: Mapping[str, Any], video: Mapping[str, Any], categories: Sequence[int]
) -> Track:
    where = f"result {n}"
    masks = _masks(result, video, where)
    category = _category(result, categories, where)
    return Track(n, category, masks, _mean_of_present(areas_px(masks)), float(result["score"]))


def _masks(item: Mapping[str, Any], video: Mapping[str, Any], where: str) -> tuple[Rle | None, ...]:
    segmentations = _field(item, "segmentations", where)
    size = (video["height"], video["width"])
    length = video.get("length", len(video.get("file_names", segmentations)))
    if len(segmentations) != length:
        raise MaskError(
            f"{where}: {len(segmentations)} segmentations for the {length} frames of video "
            f"{video['id']}; write null for a frame without the object"
        )
    return tuple(
        to_rle(segmentation, size, f"{where}, frame {t}")
        for t, segmentation in enumerate(segmentations)
    )


def _mean_of_present(areas: np.ndarray) -> float:
    present = areas[areas > 0]
    return float(present.mean()) if present.size else 0.0


def _video_of(item: Mapping[str, Any], videos: Mapping[int, Any], where: str) -> Mapping[str, Any]:
    video = _field(item, "video_id", where)
    if video not in videos:
        raise UsageError(
            f"{where}: video_id {video!r} is not in the ground truth, whose ids are "
            f"{_some(sorted(videos))}"
        )
    return videos[video]


def _category(item: Mapping[str, Any], categories: Sequence[int], where: str) -> int:
    category = _field(item, "category_id", where)
    if category not in categories:
        raise UsageError(
            f"{where}: category_id {category!r} is not in the ground truth, whose ids are "
            f"{_some(categories)}"
        )
    return int(category)


def _field(item: Mapping[str, Any], name: str, where: str) -> Any:
    if name not in item:
        raise UsageError(f"{where}: '{name}' is missing; it has {_some(sorted(item))}")
    return item[name]


def _some(values: Sequence[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:8])
    return f"{shown}, ... ({len(values)} in all)" if len(values) > 8 else shown
