"""Whole files of COCO: every object of every image, whose images may be frames of videos.

An annotation's `track_id` is its identity, `id` where there is none. Images say `video_id` and
their place `frame_id`; without videos all images are one.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from propago.errors import SourceError
from propago.io.atomic import write_text
from propago.io.formats.json_files import Json, head_of, of_each, read_json, records_of
from propago.io.formats.video_json import class_names, instances_of, size_of
from propago.io.instances import OBJECT, FrameInstances, InstanceSequence
from propago.io.json_fields import in_words, is_anything, is_id, is_length
from propago.io.rle import Rle, as_text, coco_mask, decode
from propago.ops.polygons import polygons_of

IMAGE = {"id": is_id, "height": is_length, "width": is_length, "file_name": is_anything}
_INSTANCE = {"image_id": is_id, "segmentation": is_anything}


def sniff_instances(path: Path) -> bool:
    """Whether it is a .json file of images and annotations."""
    head = head_of(path)
    return '"images"' in head or '"annotations"' in head


def read_instances(path: Path) -> list[InstanceSequence]:
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
        pictures = records_of(path, content, "images", IMAGE)
        annotations = records_of(path, content, "annotations", _INSTANCE)
        found = of_each(path, annotations, "image_id", pictures)
        videos = {int(v["id"]): str(v["name"]) for v in content.get("videos", [])}
        images: dict[Any, list[Json]] = defaultdict(list)
        for image in pictures:
            images[image.get("video_id")].append(image)
        for own in images.values():
            require_own_names(path, own)
        return [
            InstanceSequence(
                videos.get(key, path.stem),
                {
                    Path(image["file_name"]).stem: partial(
                        instances_of, path, size_of(image), found[int(image["id"])]
                    )
                    for image in sorted(own, key=lambda image: image.get("frame_id", 0))
                },
                class_names(path, content),
            )
            for key, own in images.items()
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{path} is no COCO file ({in_words(error)}): images have id, file_name, height "
            "and width, annotations have image_id, category_id and segmentation"
        ) from error


def require_own_names(path: Path, images: Sequence[Json]) -> None:
    """Refuse images of one video that cannot be told apart.

    Raises:
        SourceError: two of them have one name.
    """
    counts = Counter(Path(image["file_name"]).stem for image in images)
    name, count = counts.most_common(1)[0] if counts else ("", 0)
    if count > 1:
        raise SourceError(
            f"{path}: {count} images of one video are called {name}; the frames of a video have "
            "names of their own, and images of several videos a video_id"
        )


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """Masks as compressed RLE."""
    _write(path, videos, lambda rle: as_text(rle))


def write_polygons(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """Masks as polygons along the edges of their pixels: COCO fills them to the same masks."""
    _write(path, videos, _polygons)


def _polygons(rle: Rle) -> list[list[float]]:
    height, width = rle["size"]
    mask = decode([rle], (height, width))[0]
    return [polygon.astype(float).ravel().tolist() for polygon in polygons_of(mask)]


def _write(
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
    write_text(path, json.dumps(content))


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
