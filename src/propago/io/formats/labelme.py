"""LabelMe: FRAME.json each; masks in boxes, polygons and rectangles, an object a `group_id`.

Shapes without a group are numbered in each frame, from 1 on, past those with one.
"""

import json
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from propago.errors import MaskError, SourceError
from propago.io.atomic import make_folder, write_text
from propago.io.formats.json_files import head_of, read_json
from propago.io.instances import FrameInstances, Instance, InstanceSequence
from propago.io.json_fields import in_words
from propago.io.names import visible
from propago.io.rle import Rle, as_text, coco_mask, cropped, decode, pasted, to_rle
from propago.ops.polygons import polygons_of

Size = tuple[int, int]
Json = dict[str, Any]


def sniff_instances(path: Path) -> bool:
    """Whether there are .json files of shapes in a folder."""
    files = _files(path)
    return bool(files) and '"shapes"' in head_of(files[0])


def read_instances(path: Path) -> list[InstanceSequence]:
    """The files as frames of one video, in the order of their names.

    Raises:
        SourceError: there are none, or one is damaged or not LabelMe's.
        MaskError: a shape that its picture cannot hold.
    """
    files = _files(path)
    try:
        labels = sorted({str(shape["label"]) for f in files for shape in read_json(f)["shapes"]})
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f"{path}: a .json file is not LabelMe's ({in_words(error)})") from error
    if not files:
        raise SourceError(f"{path} holds no .json files of LabelMe, one a frame")
    class_of = {label: n for n, label in enumerate(labels, 1)}
    readers = {file.stem: partial(_read, file, class_of) for file in files}
    return [InstanceSequence(path.resolve().name, readers, dict(enumerate(labels, 1)))]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """FRAME.json of masks."""
    _write(path, videos, _mask_shapes)


def write_polygons(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """FRAME.json of polygons along the edges of pixels."""
    _write(path, videos, _polygon_shapes)


def _files(path: Path) -> list[Path]:
    return [file for file in visible(path) if file.suffix.lower() == ".json"]


def _write(path: Path, videos: Sequence[InstanceSequence], shapes_of: Any) -> None:
    (video,) = videos
    make_folder(path)
    for name, found in video:
        height, width = found.size
        shapes = [
            {"label": video.class_name(one.class_id), "group_id": one.id, "description": ""}
            | {"flags": {}, **shape}
            for one in found.instances
            for shape in shapes_of(one.rle)
        ]
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{name}.jpg"}
        content |= {"imageData": None, "imageHeight": height, "imageWidth": width}
        write_text(path / f"{name}.json", json.dumps(content, indent=1))


def _mask_shapes(rle: Rle) -> Iterator[Json]:
    """A PNG of the box of a mask; the second corner is its last pixel."""
    left, top, mask = cropped(rle)
    picture = BytesIO()
    Image.fromarray(mask).save(picture, "PNG")
    last = [left + mask.shape[1] - 1, top + mask.shape[0] - 1]
    text = b64encode(picture.getvalue()).decode("ascii")
    yield {"shape_type": "mask", "points": [[left, top], last], "mask": text}


def _polygon_shapes(rle: Rle) -> Iterator[Json]:
    height, width = rle["size"]
    for polygon in polygons_of(decode([rle], (height, width))[0]):
        yield {"shape_type": "polygon", "points": polygon.tolist()}


def _read(file: Path, class_of: Mapping[str, int]) -> FrameInstances:
    content = read_json(file)
    try:
        size = int(content["imageHeight"]), int(content["imageWidth"])
        grouped = {int(s["group_id"]) for s in content["shapes"] if s.get("group_id")}
        free = (n for n in count(1) if n not in grouped)
        parts: dict[int, list[Rle]] = defaultdict(list)
        classes = {}
        for shape in content["shapes"]:
            object_id = int(shape.get("group_id") or next(free))
            parts[object_id].append(_rle(shape, size, f"{file}: {shape['label']}"))
            classes[object_id] = class_of[str(shape["label"])]
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f"{file} is not as LabelMe has it: {in_words(error)}") from error
    found = {i: as_text(coco_mask.merge(rles)) for i, rles in sorted(parts.items())}
    return FrameInstances(
        size, tuple(Instance(i, r, classes[i]) for i, r in found.items() if coco_mask.area(r))
    )


def _rle(shape: Json, size: Size, where: str) -> Rle:
    kind, points = shape.get("shape_type", "polygon"), shape["points"]
    if kind == "mask":
        with Image.open(BytesIO(b64decode(shape["mask"]))) as picture:
            mask = np.asarray(picture.convert("L")) > 0
        left, top = (int(v) for v in points[0])
        return pasted(mask, left, top, size, where)
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points
        points = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    elif kind != "polygon":
        raise MaskError(f"{where}: a {kind} has no inside; draw a polygon or a mask")
    return to_rle([[float(v) for point in points for v in point]], size, where) or {}
