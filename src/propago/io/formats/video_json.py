"""Whole files of YouTube-VIS and of COCO with videos: every track of every video.

In both an annotation's `track_id` is the identity, `id` where there is none. COCO's images say
`video_id` and their place `frame_id`; without videos all images are one.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from propago.errors import MaskError, SourceError
from propago.io.atomic import write_text
from propago.io.formats.json_files import head_of, read_json
from propago.io.instances import OBJECT, FrameInstances, Instance, InstanceSequence
from propago.io.rle import Rle, as_text, coco_mask, decode, to_rle
from propago.ops.polygons import polygons_of

Size = tuple[int, int]
Json = dict[str, Any]
_TRACKS = ('"segmentations"', '"file_names"')


def sniff_youtube_vis(path: Path) -> bool:
    """Whether it is a .json file that speaks of tracks of videos."""
    return any(key in head_of(path) for key in _TRACKS)


def sniff_coco(path: Path) -> bool:
    """Whether it is a .json file of images and annotations."""
    head = head_of(path)
    return '"images"' in head or '"annotations"' in head


def read_youtube_vis(path: Path) -> list[InstanceSequence]:
    """Every video of a file of videos and annotations, or of results, whose frames have numbers.

    Raises:
        SourceError: unreadable, cut off, or no such file.
        MaskError: a mask of an unknown form or of another size.
    """
    content = read_json(path)
    try:
        if isinstance(content, list):
            content = _described(content)
        tracks: dict[int, list[Json]] = defaultdict(list)
        for n, track in enumerate(content["annotations"], 1):
            tracks[int(track["video_id"])].append({"id": n} | track)
        classes = _class_names(content)
        return [_video(path, v, tracks[int(v["id"])], classes) for v in content["videos"]]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SourceError(
            f"{path} is no YouTube-VIS file ({error!r}): videos have id, file_names, height and "
            "width, annotations have video_id, category_id and segmentations, one a frame"
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
    _write(path, content)


def read_coco(path: Path) -> list[InstanceSequence]:
    """Every video of a file of images and annotations; crowds are void.

    Raises:
        SourceError: unreadable, cut off, or no such file.
        MaskError: a mask of an unknown form or of another size.
    """
    content = read_json(path)
    try:
        if isinstance(content, list):
            raise SourceError(
                f"{path} holds COCO results, which have neither sizes nor names of images: "
                "propago track takes them, with the frames"
            )
        found: dict[int, list[Json]] = defaultdict(list)
        for n, one in enumerate(content["annotations"], 1):
            found[int(one["image_id"])].append({"id": n} | one)
        videos = {int(v["id"]): str(v["name"]) for v in content.get("videos", [])}
        images: dict[Any, list[Json]] = defaultdict(list)
        for image in content["images"]:
            images[image.get("video_id")].append(image)
        return [
            InstanceSequence(
                videos.get(key, path.stem),
                {
                    Path(image["file_name"]).stem: partial(
                        _instances, path, _size(image), found[int(image["id"])]
                    )
                    for image in sorted(own, key=lambda image: image.get("frame_id", 0))
                },
                _class_names(content),
            )
            for key, own in images.items()
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{path} is no COCO file ({error!r}): images have id, file_name, height and width, "
            "annotations have image_id, category_id and segmentation"
        ) from error


def write_coco(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """Masks as compressed RLE."""
    _write_coco(path, videos, lambda rle: as_text(rle))


def write_coco_polygons(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """Masks as polygons along the edges of their pixels: COCO fills them to the same masks."""
    _write_coco(path, videos, _polygons)


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


def _class_names(content: Json) -> dict[int, str]:
    return {int(c["id"]): str(c["name"]) for c in content.get("categories", [])}


def _size(about: Mapping[str, Any]) -> Size:
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
        {file.stem: partial(_frame, path, _size(about), tracks, n) for n, file in enumerate(files)},
        classes,
    )


def _frame(path: Path, size: Size, tracks: Sequence[Json], n: int) -> FrameInstances:
    found = []
    for track in tracks:
        scores = track.get("scores") or [None] * (n + 1)
        score = track.get("score", 1.0) if scores[n] is None else scores[n]
        found.append(track | {"segmentation": track["segmentations"][n], "score": score})
    return _instances(path, size, found)


def _instances(path: Path, size: Size, annotations: Sequence[Json]) -> FrameInstances:
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


def _polygons(rle: Rle) -> list[list[float]]:
    height, width = rle["size"]
    mask = decode([rle], (height, width))[0]
    return [polygon.astype(float).ravel().tolist() for polygon in polygons_of(mask)]


def _write_coco(
    path: Path, videos: Sequence[InstanceSequence], segmentation: Callable[[Rle], Any]
) -> None:
    content: Json = {
        "videos": [{"id": n, "name": video.name} for n, video in enumerate(videos, 1)],
        "images": [],
        "annotations": [],
    }
    names: dict[int, str] = {}
    for video_id, video in enumerate(videos, 1):
        for frame_id, (name, found) in enumerate(video):
            image_id, (height, width) = len(content["images"]) + 1, found.size
            content["images"].append(
                {"id": image_id, "file_name": f"{video.name}/{name}.jpg", "height": height}
                | {"width": width, "video_id": video_id, "frame_id": frame_id}
            )
            for one in _annotations(found, segmentation):
                number = len(content["annotations"]) + 1
                content["annotations"].append({"id": number, "image_id": image_id} | one)
                if not one["iscrowd"]:
                    names[one["category_id"]] = video.class_name(one["category_id"])
    content["categories"] = [{"id": i, "name": name} for i, name in sorted(names.items())]
    _write(path, content)


def _annotations(found: FrameInstances, segmentation: Callable[[Rle], Any]) -> Iterator[Json]:
    for one in found.instances:
        yield {
            "track_id": one.id,
            "category_id": one.class_id,
            "score": one.score,
            "iscrowd": 0,
            "bbox": coco_mask.toBbox(one.rle).tolist(),
            "area": int(coco_mask.area(one.rle)),
            "segmentation": segmentation(one.rle),
        }
    if found.void is not None:
        yield {
            "category_id": OBJECT,
            "iscrowd": 1,
            "bbox": coco_mask.toBbox(found.void).tolist(),
            "area": int(coco_mask.area(found.void)),
            "segmentation": as_text(found.void),
        }


def _write(path: Path, content: Json) -> None:
    write_text(path, json.dumps(content))
