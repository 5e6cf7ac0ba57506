"""COCO JSON: results, a list of one dictionary a detection, or a data set's annotations."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from propago.detections import Detections
from propago.errors import MaskError, SourceError, UsageError
from propago.io.detection_sequence import DetectionSequence, Reader
from propago.io.formats.coco_videos import IMAGE, require_own_names
from propago.io.formats.json_files import (
    Json,
    checked_records,
    head_of,
    of_listed,
    read_json,
    records_of,
)
from propago.io.formats.video_json import class_names
from propago.io.json_fields import in_words, is_id
from propago.io.rle import decode, encode, to_rle

_PLACED = {"image_id": is_id}


def sniff_detections(path: Path) -> bool:
    """Whether it is a .json file of a list or an object."""
    return head_of(path)[:1] in ("[", "{")


def read_detections(path: Path) -> DetectionSequence:
    """The detections by image: results by image_id, a number; annotations by the file's name.

    Raises:
        SourceError: unreadable, cut off, or no such file.
    """
    content = read_json(path)
    try:
        if isinstance(content, list):
            found = _by_image(checked_records(path, content, "result", _PLACED))
            readers: dict[str | int, Reader] = {
                str(i): partial(_read, path, f"image {i}", None, found[i]) for i in sorted(found)
            }
            return DetectionSequence(path, readers, numbered=True)
        images = records_of(path, content, "images", IMAGE)
        _require_one_video(path, images)
        annotations = records_of(path, content, "annotations", _PLACED)
        found = _by_image(of_listed(path, annotations, "image_id", images))
        readers = {
            Path(image["file_name"]).stem: partial(
                _read,
                path,
                image["file_name"],
                (image["height"], image["width"]),
                found.get(int(image["id"]), []),
            )
            for image in images
        }
        names = class_names(path, content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{path} is no COCO file ({in_words(error)}): results are a list of image_id, "
            "category_id, score and segmentation; annotations stand beside images and categories"
        ) from error
    return DetectionSequence(path, readers, names)


def _require_one_video(path: Path, images: Sequence[Json]) -> None:
    """Images are frames of one video, told apart by the names of their files."""
    videos = sorted({str(image.get("video_id")) for image in images})
    if len(videos) > 1:
        raise SourceError(
            f"{path} holds {len(videos)} videos ({', '.join(videos[:5])} ...); keep the images and "
            "annotations of one video_id"
        )
    require_own_names(path, images)


def _by_image(results: Sequence[Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = {}
    for result in results:
        found.setdefault(int(result["image_id"]), []).append(result)
    return found


def _read(
    path: Path,
    where: str,
    said: tuple[int, int] | None,
    results: Sequence[Mapping[str, Any]],
    size: tuple[int, int],
) -> Detections:
    if said is not None and said != size:
        raise MaskError(
            f"{path}: {where} is {said[1]}x{said[0]}, its frame {size[1]}x{size[0]}; detect in "
            "frames of the size that is tracked"
        )
    try:
        return detections_from_coco(results, size)
    except (MaskError, UsageError) as error:
        raise MaskError(f"{path}: {where}: {error}") from error


def detections_from_coco(results: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> Detections:
    """The detections of one image.

    Args:
        results: those of this image: category_id, and segmentation (RLE or polygons) or bbox
            (x, y, width, height); score, 1 where it is missing.
        size: (H, W) of the image in pixels.

    Raises:
        UsageError: a key is missing.
        MaskError: a segmentation of another form or size.
    """
    for n, result in enumerate(results):
        if "category_id" not in result or not ("segmentation" in result or "bbox" in result):
            raise UsageError(
                f"result {n} needs category_id, and segmentation or bbox; it has {sorted(result)}"
            )
    classes = np.array([result["category_id"] for result in results], np.int64)
    confidence = np.array([result.get("score", 1.0) for result in results], np.float64)
    masks = None
    drawn = ["segmentation" in result for result in results]
    if any(drawn) and not all(drawn):
        raise UsageError(
            f"result {drawn.index(False)} has a box only, others of its image have segmentations: "
            "give every one a segmentation, or none"
        )
    if all(drawn):
        rles = [to_rle(r["segmentation"], size, f"result {n}") for n, r in enumerate(results)]
        masks = decode(rles, size)
        if not all("bbox" in result for result in results):
            return Detections.of_masks(masks, classes, confidence)
    boxes = np.array([result["bbox"] for result in results], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return Detections(boxes, classes, confidence, masks)


def detections_to_coco(detections: Detections, image_id: int) -> list[dict[str, Any]]:
    """The results of one image, values of JSON; segmentations where there are masks."""
    rles = [None] * len(detections) if detections.masks is None else encode(detections.masks)
    boxes = detections.boxes_xyxy.astype(np.float64)
    return [
        {
            "image_id": image_id,
            "category_id": int(detections.classes[n]),
            "score": float(detections.confidence[n]),
            "bbox": [*boxes[n, :2].tolist(), *(boxes[n, 2:] - boxes[n, :2]).tolist()],
        }
        | ({} if rle is None else {"segmentation": rle})
        for n, rle in enumerate(rles)
    ]
