"""Label Studio JSON: a task a frame, brushes as run lengths, polygons in per cents.

The id of a region is the object's where all regions have numbers for ids; else objects are
numbered in each frame.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from propago.errors import MaskError, SourceError
from propago.io.atomic import write_text
from propago.io.brush_rle import decode_brush, encode_brush
from propago.io.formats.json_files import head_of, read_json
from propago.io.instances import FrameInstances, Instance, InstanceSequence
from propago.io.json_fields import in_words
from propago.io.rle import Rle, as_text, coco_mask, decode, encode, to_rle

Size = tuple[int, int]
Json = dict[str, Any]
_BRUSH, _POLYGON = "brushlabels", "polygonlabels"


def sniff_instances(path: Path) -> bool:
    """Whether it is a .json file that speaks of brushes or polygons of Label Studio."""
    head = head_of(path)
    return f'"{_BRUSH}"' in head or f'"{_POLYGON}"' in head


def read_instances(path: Path) -> list[InstanceSequence]:
    """The tasks as frames of one video, in their order.

    Raises:
        SourceError: unreadable, or not Label Studio's.
        MaskError: a brush of another size than its picture.
    """
    content = read_json(path)
    try:
        regions = {_name(task): _regions(task) for task in content}
        labels = sorted({_label(region) for found in regions.values() for region in found})
        ids = [str(region.get("id")) for found in regions.values() for region in found]
        named = all(i.isdecimal() and int(i) for i in ids)
        sizes = [_size(region) for found in regions.values() for region in found]
        readers = {}
        for task in content:
            name = _name(task)
            size = next(map(_size, regions[name]), None) or _told(task) or sizes[0]
            class_of = {label: n for n, label in enumerate(labels, 1)}
            readers[name] = partial(_frame, path, name, size, regions[name], class_of, named)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SourceError(
            f"{path} is no JSON of Label Studio with masks ({in_words(error)}): export it "
            "as JSON; tasks have data and annotations, whose results are brushes or polygons"
        ) from error
    return [InstanceSequence(path.stem, readers, dict(enumerate(labels, 1)))]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """A task a frame, to be imported as annotations; a region's id is the object's."""
    (video,) = videos
    tasks = []
    for name, found in video:
        height, width = found.size
        result = [
            _result(one, video.class_name(one.class_id), found.size) for one in found.instances
        ]
        data = {"image": f"{video.name}/{name}.jpg", "width": width, "height": height}
        tasks.append({"data": data, "annotations": [{"result": result}]})
    write_text(path, json.dumps(tasks))


def _result(one: Instance, label: str, size: Size) -> Json:
    return {
        "id": str(one.id),
        "type": _BRUSH,
        "from_name": "tag",
        "to_name": "image",
        "image_rotation": 0,
        "original_width": size[1],
        "original_height": size[0],
        "score": one.score,
        "value": {"format": "rle", "rle": encode_brush(decode([one.rle], size)[0])}
        | {_BRUSH: [label]},
    }


def _name(task: Json) -> str:
    data = task["data"]
    found = data.get("image") or next(v for v in data.values() if isinstance(v, str))
    return Path(found).stem


def _regions(task: Json) -> list[Json]:
    """The brushes and polygons of the first annotation that was not cancelled, or prediction."""
    made = [a for a in task.get("annotations", []) if not a.get("was_cancelled")]
    made = made or task.get("predictions", []) or [{"result": []}]
    return [region for region in made[0]["result"] if region.get("type") in (_BRUSH, _POLYGON)]


def _label(region: Json) -> str:
    return str((region["value"].get(region["type"]) or ["object"])[0])


def _size(region: Json) -> Size:
    return int(region["original_height"]), int(region["original_width"])


def _told(task: Json) -> Size | None:
    data = task["data"]
    return (int(data["height"]), int(data["width"])) if "height" in data else None


def _frame(
    path: Path,
    name: str,
    size: Size,
    regions: Sequence[Json],
    class_of: Mapping[str, int],
    named: bool,
) -> FrameInstances:
    found = {}
    for n, region in enumerate(regions, 1):
        rle = _rle(region, size, f"{path}: {name}, region {region.get('id')}")
        if coco_mask.area(rle):
            object_id = int(region["id"]) if named else n
            score = float(region.get("score") or 1.0)
            found[object_id] = Instance(object_id, as_text(rle), class_of[_label(region)], score)
    return FrameInstances(size, tuple(found[i] for i in sorted(found)))


def _rle(region: Json, size: Size, where: str) -> Rle:
    value = region["value"]
    if region["type"] == _POLYGON:
        corners = np.array(value["points"], float) / 100 * (size[1], size[0])
        return to_rle([corners.ravel().tolist()], size, where) or {}
    try:
        return encode(decode_brush(value["rle"], size)[None])[0]
    except (ValueError, IndexError, KeyError) as error:
        raise MaskError(f"{where}: the brush is damaged ({error})") from error
