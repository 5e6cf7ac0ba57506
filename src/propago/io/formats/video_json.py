"""Whole files of YouTube-VIS: every track of every video.

An annotation's `track_id` is its identity, `id` where there is none.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from propago.errors import MaskError, SourceError
from propago.io.atomic import write_text
from propago.io.formats.json_files import (
    Json,
    checked_records,
    head_of,
    of_each,
    read_json,
    records_of,
)
from propago.io.instances import OBJECT, FrameInstances, Instance, InstanceSequence
from propago.io.json_fields import in_words, is_anything, is_id, is_length, is_list
from propago.io.rle import as_text, coco_mask, to_rle

Size = tuple[int, int]

TRACK = {"video_id": is_id, "segmentations": is_list}
"""What a track of a YouTube-VIS file has to have; see `records_of`."""

_CATEGORY = {"id": is_id, "name": is_anything}
VIDEO = {"id": is_id, "height": is_length, "width": is_length, "file_names": is_list}


def sniff_youtube_vis(path: Path) -> bool:
    """Whether it is a .json file of tracks of videos; COCO may list videos, too."""
    head = head_of(path)
    of_images = '"images"' in head or '"image_id"' in head
    tracks = '"segmentations"' in head or '"file_names"' in head
    return tracks or ('"videos"' in head and not of_images)


def read_youtube_vis(path: Path) -> list[InstanceSequence]:
    """Every video of a file of videos and annotations, or of results, whose frames have numbers.

    Raises:
        SourceError: unreadable, cut off, or no such file.
        MaskError: a mask of an unknown form or of another size.
    """
    content = read_json(path)
    try:
        if isinstance(content, list):
            content = _described(checked_records(path, content, "result", TRACK))
        videos = records_of(path, content, "videos", VIDEO)
        annotations = records_of(path, content, "annotations", TRACK)
        tracks = of_each(path, annotations, "video_id", videos)
        classes = class_names(path, content)
        return [_video(path, v, tracks[int(v["id"])], classes) for v in videos]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SourceError(
            f"{path} is no YouTube-VIS file ({in_words(error)}): videos have id, file_names, "
            "height and width, annotations have video_id, category_id and segmentations, one a "
            "frame"
        ) from error


def write_youtube_vis(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """The tracks of every video; a track's category is the most frequent of its frames."""
    content: Json = {"videos": [], "categories": [], "annotations": []}
    numbers, names = set(), {}
    for video_id, video in enumerate(videos, 1):
        tracks, size = _tracks(video)
        content["videos"].append(
            {"id": video_id, "height": size[0], "width": size[1], "length": len(video)}
            | {"file_names": [f"{video.name}/{name}.jpg" for name in video.readers]}
        )
        for object_id, track in sorted(tracks.items()):
            number = object_id if object_id not in numbers else max(numbers) + 1
            numbers.add(number)
            about = _track(object_id, track, list(video.readers), size)
            content["annotations"].append({"id": number, "video_id": video_id} | about)
            names[about["category_id"]] = video.class_name(about["category_id"])
    content["categories"] = [{"id": i, "name": name} for i, name in sorted(names.items())]
    write_text(path, json.dumps(content))


def _described(results: Sequence[Json]) -> Json:
    """Results as annotations of videos whose size is that of their masks, frames numbered."""
    videos: dict[int, Json] = {}
    for track in results:
        size = next((rle["size"] for rle in track["segmentations"] if rle), None)
        if size is None:
            continue
        height, width = size
        number = int(track["video_id"])
        length = len(track["segmentations"])
        about = {"id": number, "height": height, "width": width}
        videos[number] = about | {"file_names": [f"{n:05d}.jpg" for n in range(length)]}
    return {"videos": list(videos.values()), "annotations": results}


def class_names(path: Path, content: Json) -> dict[int, str]:
    """The names of the categories of a file, by id; none where it lists none.

    Raises:
        SourceError: a category has no id or no name.
    """
    listed = records_of(path, {"categories": []} | content, "categories", _CATEGORY)
    return {int(c["id"]): str(c["name"]) for c in listed}


def size_of(about: Mapping[str, Any]) -> Size:
    """(height, width) in pixels of a video or image of a file."""
    return int(about["height"]), int(about["width"])


def _video(
    path: Path, about: Json, tracks: Sequence[Json], classes: Mapping[int, str]
) -> InstanceSequence:
    files = [Path(name) for name in about["file_names"]]
    for track in tracks:
        if len(track["segmentations"]) != len(files):
            raise SourceError(
                f"{path}: a track of video {about['id']} has {len(track['segmentations'])} "
                f"segmentations, the video {len(files)} frames; null stands for a frame without it"
            )
    folder = files[0].parent.name if files else ""
    return InstanceSequence(
        folder or (path.stem if about["id"] == 1 else f"{path.stem}-{about['id']}"),
        {
            file.stem: partial(_frame, path, size_of(about), tracks, n)
            for n, file in enumerate(files)
        },
        classes,
    )


def _frame(path: Path, size: Size, tracks: Sequence[Json], n: int) -> FrameInstances:
    found = []
    for track in tracks:
        scores = track.get("scores") or [None] * (n + 1)
        score = track.get("score", 1.0) if scores[n] is None else scores[n]
        found.append(track | {"segmentation": track["segmentations"][n], "score": score})
    return instances_of(path, size, found)


def instances_of(path: Path, size: Size, annotations: Sequence[Json]) -> FrameInstances:
    """The objects of one frame, by identity; crowds without one are void.

    Raises:
        MaskError: a mask of an unknown form or of another size.
    """
    found, void = [], []
    for one in annotations:
        identity = one.get("track_id", (one.get("attributes") or {}).get("track_id", one["id"]))
        rle = to_rle(one["segmentation"], size, f"{path}: object {identity}")
        if rle is None or not coco_mask.area(rle):
            continue
        if one.get("iscrowd") and "track_id" not in one:
            void.append(rle)
        else:
            score, class_id = float(one.get("score", 1.0)), int(one.get("category_id", OBJECT))
            found.append(Instance(int(identity), as_text(rle), class_id, score))
    found.sort(key=lambda instance: instance.id)
    return FrameInstances(size, tuple(found), as_text(coco_mask.merge(void)) if void else None)


def _tracks(video: InstanceSequence) -> tuple[dict[int, dict[str, Instance]], Size]:
    tracks: dict[int, dict[str, Instance]] = defaultdict(dict)
    size = (0, 0)
    for name, found in video:
        if size not in ((0, 0), found.size):
            raise MaskError(f"frame {name} is {found.size}, those before {size} (height, width)")
        size = found.size
        for one in found.instances:
            tracks[one.id][name] = one
    return tracks, size


def _track(object_id: int, track: Mapping[str, Instance], names: list[str], size: Size) -> Json:
    here = [track.get(name) for name in names]
    values, counts = np.unique([one.class_id for one in track.values()], return_counts=True)
    scores = [one.score for one in track.values()]
    varying = {"scores": [one and one.score for one in here]} if len(set(scores)) > 1 else {}
    return {
        "track_id": object_id,
        "category_id": int(values[counts.argmax()]),
        "iscrowd": 0,
        "height": size[0],
        "width": size[1],
        "length": len(names),
        "score": float(np.mean(scores)),
        "bboxes": [one and coco_mask.toBbox(one.rle).tolist() for one in here],
        "areas": [one and int(coco_mask.area(one.rle)) for one in here],
        "segmentations": [one and as_text(one.rle) for one in here],
    } | varying
