"""COCO results: a list of one dictionary a detection, and a frame's `Detections`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from propago.detections import Detections
from propago.errors import UsageError
from propago.io.rle import decode, encode, to_rle


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
    if all("segmentation" in result for result in results):
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
