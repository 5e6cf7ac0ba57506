"""How well a detector finds the instances of pictures that it was not trained on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from propago.data.instances import InstanceExample, InstanceStill, example_of
from propago.detections import Detections
from propago.io.formats.coco import detections_to_coco
from propago.io.rle import encode
from propago.metrics.average_precision import AveragePrecision
from propago.metrics.instances import coco_average_precision
from propago.ops.boxes import nms
from propago.training.validation import ValidationResult, shown
from propago.types import Frame

Find = Callable[[Frame], Detections]
"""What is there, without identities: a detector that looks at every frame."""

ANY = 1
"""The category of everything where classes do not count."""

MAX_IOU = 0.5
"""Of two boxes that both stay where classes do not count."""


def validate_detector(
    detector: Find, sets: Mapping[str, Sequence[InstanceStill]], most: int
) -> ValidationResult:
    """AP50 of masks on the first `most` pictures of each set.

    Where one class is labelled, detections of others do not count. Where all are, it is the mean
    over the classes that the pictures show, and once more with all classes as one.

    Args:
        detector: it reports what is little certain, too.
        sets: pictures by name.
        most: of each set.
    """
    numbers, words, pictures = {}, [], []
    for name, stills in sets.items():
        pairs = [found_in(detector, still) for still in stills[:most]]
        numbers[f"val_ap50_{name}"] = by_class = precision(pairs).ap50
        words.append(f"{name} {by_class:.3f}")
        if any(truth.labelled is None and len({*truth.classes}) > 1 for truth, _ in pairs):
            numbers[f"val_ap50_{name}_any"] = any_class = precision(
                [as_one(*pair) for pair in pairs]
            ).ap50
            words[-1] += f" ({any_class:.3f} whatever the class)"
        truth, found = pairs[0]
        pictures.append(shown(truth.image, found[found.confidence >= 0.5].labels()))
    line = f"mask AP50 on held-out pictures, at most {most} of a set: {', '.join(words)}"
    return ValidationResult(numbers, line, np.hstack(pictures))


def found_in(detector: Find, still: InstanceStill) -> tuple[InstanceExample, Detections]:
    """What is in a picture, and what is found there of the labelled classes."""
    image, ids = still.read()
    frame = Frame(torch.from_numpy(image).permute(2, 0, 1).float() / 255, 0, still.image.stem)
    found, labelled = detector(frame), still.labelled
    if found is None:
        found = Detections.of_masks(np.zeros((0, *frame.size), bool))
    known = np.ones(len(found), bool) if labelled is None else np.isin(found.classes, [*labelled])
    return example_of(image, ids, still), found[known]


def as_one(truth: InstanceExample, found: Detections) -> tuple[InstanceExample, Detections]:
    """The same with all classes as one, and without doubles of several classes."""
    boxes, scores = torch.from_numpy(found.boxes_xyxy), torch.from_numpy(found.confidence)
    found = found[nms(boxes, scores, MAX_IOU).numpy()]
    classes = np.full(len(found), ANY)
    return replace(truth, classes=np.full(len(truth.classes), ANY)), replace(found, classes=classes)


def precision(pairs: Sequence[tuple[InstanceExample, Detections]]) -> AveragePrecision:
    """COCO's figures of masks, over the classes that are there; what is unknown does not count."""
    return coco_average_precision(*as_coco(pairs))


def as_coco(
    pairs: Sequence[tuple[InstanceExample, Detections]],
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Ground truth and results of COCO, over the classes that are there; unknown is a crowd."""
    categories = sorted({int(c) for truth, _ in pairs for c in truth.classes})
    gt: dict[str, list[Any]] = {
        "images": [],
        "categories": [{"id": c, "name": str(c)} for c in categories],
        "annotations": [],
    }
    results = []
    for n, (truth, found) in enumerate(pairs):
        height, width = truth.ids.shape
        gt["images"].append({"id": n, "height": height, "width": width})
        gt["annotations"] += _annotations(truth, n, categories, len(gt["annotations"]))
        results += detections_to_coco(found[np.isin(found.classes, categories)], n)
    return gt, results


def _annotations(
    truth: InstanceExample, image: int, categories: Sequence[int], before: int
) -> list[dict[str, Any]]:
    """Of COCO; what is unknown is a crowd of every category."""
    masks = [truth.ids == n for n in range(1, len(truth.classes) + 1)]
    rows = [(mask, int(c), 0) for mask, c in zip(masks, truth.classes, strict=True)]
    if (truth.ids < 0).any():
        rows += [(truth.ids < 0, c, 1) for c in categories]
    return [
        {
            "id": before + n,
            "image_id": image,
            "category_id": category,
            "iscrowd": crowd,
            "segmentation": encode(mask[None])[0],
            "area": int(mask.sum()),
            "bbox": [0, 0, 1, 1],
        }
        for n, (mask, category, crowd) in enumerate(rows, 1)
    ]
