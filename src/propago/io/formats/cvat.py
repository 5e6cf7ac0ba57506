"""CVAT XML 1.1: for video, tracks of masks by frame number; or for images, by the image's name.

A mask is a box and the lengths of its runs in rows, the first outside. Frames of a video have no
names. CVAT numbers its tracks from 0; a file without a track 0 has ids of its own.
"""

import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from propago.errors import MaskError, SourceError
from propago.io.atomic import replacing
from propago.io.instances import FrameInstances, Instance, InstanceSequence
from propago.io.json_fields import in_words
from propago.io.rle import Rle, as_text, coco_mask, cropped, pasted, to_rle

Size = tuple[int, int]
Element = ElementTree.Element


class _Shape(NamedTuple):
    id: int
    class_id: int
    element: Element


def sniff_instances(path: Path) -> bool:
    """Whether it is an .xml file that begins like CVAT's."""
    if path.suffix.lower() != ".xml" or not path.is_file():
        return False
    with path.open("rb") as file:
        return b"<annotations" in file.read(4096)


def read_instances(path: Path) -> list[InstanceSequence]:
    """The one video: masks, polygons and boxes of tracks, or of images.

    Raises:
        SourceError: unreadable, or not CVAT's.
        MaskError: a mask that its frame cannot hold.
    """
    try:
        root = ElementTree.parse(path).getroot()
        names = sorted({e.get("label", "") for e in root.iter() if e.get("label")})
        class_of = {name: n for n, name in enumerate(names, 1)}
        images = root.findall("image")
        found = _of_images(path, images, class_of) if images else _of_tracks(path, root, class_of)
    except (OSError, ElementTree.ParseError, KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f"{path} is no XML of CVAT ({in_words(error)}): export it as CVAT for video 1.1, "
            "or for images"
        ) from error
    return [InstanceSequence(path.stem, found, {n: name for name, n in class_of.items()})]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """CVAT for video 1.1: a track an object and class, its mask in each frame."""
    (video,) = videos
    tracks: dict[tuple[int, int], dict[int, Rle]] = defaultdict(dict)
    size = (0, 0)
    for n, (_, found) in enumerate(video):
        size = found.size
        for one in found.instances:
            tracks[one.id, one.class_id][n] = one.rle
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    _describe(ElementTree.SubElement(root, "meta"), video, {c for _, c in tracks}, size)
    for (object_id, class_id), masks in sorted(tracks.items()):
        about = {"id": str(object_id), "label": video.class_name(class_id), "source": "auto"}
        track = ElementTree.SubElement(root, "track", about)
        for n in sorted(masks):
            track.append(_mask(masks[n], n, outside=False))
            if n + 1 not in masks and n + 1 < len(video):
                track.append(_mask(masks[n], n + 1, outside=True))
    ElementTree.indent(root)
    with replacing(path) as unfinished:
        ElementTree.ElementTree(root).write(unfinished, "utf-8", xml_declaration=True)


def _describe(meta: Element, video: InstanceSequence, classes: set[int], size: Size) -> None:
    task = ElementTree.SubElement(meta, "task")
    told = {"name": video.name, "size": len(video), "mode": "interpolation", "start_frame": 0}
    for key, value in (told | {"stop_frame": max(0, len(video) - 1)}).items():
        ElementTree.SubElement(task, key).text = str(value)
    labels = ElementTree.SubElement(task, "labels")
    for name in sorted({video.class_name(c) for c in classes}):
        label = ElementTree.SubElement(labels, "label")
        ElementTree.SubElement(label, "name").text = name
        ElementTree.SubElement(label, "type").text = "mask"
    original = ElementTree.SubElement(task, "original_size")
    ElementTree.SubElement(original, "width").text = str(size[1])
    ElementTree.SubElement(original, "height").text = str(size[0])


def _mask(rle: Rle, frame: int, *, outside: bool) -> Element:
    left, top, mask = cropped(rle)
    runs = [len(list(run)) for _, run in groupby(mask.ravel().tolist())]
    about = {"frame": frame, "keyframe": 1, "outside": int(outside), "occluded": 0}
    about |= {"rle": ", ".join(map(str, [0] * int(mask[0, 0]) + runs)), "left": left, "top": top}
    about |= {"width": mask.shape[1], "height": mask.shape[0], "z_order": 0}
    return ElementTree.Element("mask", {key: str(value) for key, value in about.items()})


def _of_tracks(path: Path, root: Element, class_of: Mapping[str, int]) -> dict[str, partial]:
    shapes: dict[int, list[_Shape]] = defaultdict(list)
    tracks = root.findall("track")
    first = int(any(track.get("id") == "0" for track in tracks))
    for track in tracks:
        object_id, class_id = int(track.attrib["id"]) + first, class_of[track.attrib["label"]]
        for element in track:
            if "frame" in element.attrib and element.get("outside") != "1":
                shapes[int(element.attrib["frame"])].append(_Shape(object_id, class_id, element))
    original = root.find(".//original_size")
    if original is None:
        raise ValueError("it does not say original_size")
    size = int(original.findtext("height", "")), int(original.findtext("width", ""))
    start = int(root.findtext(".//start_frame") or 0)
    length = int(root.findtext(".//task/size") or 0)
    last = max([*shapes, start + length - 1])
    return {
        f"{n:05d}": partial(_frame, path, f"frame {n}", size, shapes[n])
        for n in range(start, last + 1)
    }


def _of_images(
    path: Path, images: Sequence[Element], class_of: Mapping[str, int]
) -> dict[str, partial]:
    found = {}
    for image in images:
        size = int(image.attrib["height"]), int(image.attrib["width"])
        drawn = [e for e in image if e.get("label")]
        shapes = [
            _Shape(int(element.get("group_id") or n), class_of[element.attrib["label"]], element)
            for n, element in enumerate(drawn, 1)
        ]
        name = Path(image.attrib["name"]).stem
        found[name] = partial(_frame, path, name, size, shapes)
    return found


def _frame(path: Path, name: str, size: Size, shapes: Sequence[_Shape]) -> FrameInstances:
    parts: dict[int, list[Rle]] = defaultdict(list)
    class_of = {}
    for shape in shapes:
        where = f"{path}: {name}, object {shape.id}"
        rle = next(_rles(shape.element, size, where), None)
        if rle is not None and coco_mask.area(rle):
            parts[shape.id].append(rle)
            class_of[shape.id] = shape.class_id
    return FrameInstances(
        size,
        tuple(Instance(i, as_text(coco_mask.merge(parts[i])), class_of[i]) for i in sorted(parts)),
    )


def _rles(element: Element, size: Size, where: str) -> Iterator[Rle]:
    """The mask of a mask, polygon or box; nothing of points, lines and tags."""
    about = element.attrib
    if element.tag == "mask":
        width, height = int(about["width"]), int(about["height"])
        runs = [int(run) for run in about["rle"].split(",")]
        inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        if inside.size != width * height:
            raise MaskError(
                f"{where}: the runs add up to {inside.size} pixels, the box is {width}x{height}"
            )
        yield pasted(
            inside.reshape(height, width), int(about["left"]), int(about["top"]), size, where
        )
    elif element.tag == "polygon":
        corners = [float(v) for point in about["points"].split(";") for v in point.split(",")]
        yield to_rle([corners], size, where) or {}
    elif element.tag == "box":
        x0, y0, x1, y1 = (float(about[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
        yield to_rle([[x0, y0, x1, y0, x1, y1, x0, y1]], size, where) or {}
