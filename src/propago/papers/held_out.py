"""What detectors are measured with: pictures that they were not trained on, and their figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from propago.components import DETECTORS, load_component
from propago.data.instance_sets import instances_of_coco
from propago.data.instances import InstanceExample, InstanceStill
from propago.data.sources import with_held_out
from propago.detections import Detections
from propago.errors import SourceError
from propago.io.categories import CATEGORIES, OUTPUTS
from propago.metrics.average_precision import known
from propago.metrics.instances import region_average_precision
from propago.metrics.semantic import confusion_matrix, score_of_confusion
from propago.papers.figures import Figures
from propago.papers.options import ReproduceOptions
from propago.tracking import Detector
from propago.training.recipe import read_recipe
from propago.training.validate_detector import Find, as_coco, as_one, found_in, precision
from propago.types import VOID, Frame

RECIPE = "mask-rcnn-compact"
"""Whose sets are looked at."""

LITTLE = 0.05
"""Less certain detections are none, as in Mask R-CNN's paper."""

COCO = "coco"


def pictures_in(data: Path, options: ReproduceOptions) -> dict[str, Sequence[InstanceStill]]:
    """All pictures of a COCO folder; or of a data root every tenth picture of each set there is.

    Of these those that `end` and `every` of the options leave.

    Raises:
        SourceError: it is neither.
    """
    some = slice(None, options.end, options.every)
    if (data / "instances.json").is_file():
        return {COCO: instances_of_coco(data)[some]}
    lines = with_held_out(read_recipe(RECIPE).data)
    sets = {
        line.name: line.held_out(data).instances()[some]
        for line in lines
        if (data / line.folder).is_dir()
    }
    if not sets:
        raise SourceError(
            f"{data} has no instances.json beside images/, as COCO, and none of the folders "
            f"{', '.join(line.folder for line in lines)} that `propago train` learns from"
        )
    return sets


def load_detector(name: str, options: ReproduceOptions, *, own: bool) -> Detector:
    """A detector; the options of the network are for the paper's `own`."""
    settings: dict[str, Any] = {"device": options.device, "min_confidence": LITTLE}
    if own:
        settings |= {"preset": options.preset, "weights": options.weights, "size": options.size}
    return load_component(DETECTORS, name, "method", **settings)


def device_of(detector: Detector) -> torch.device:
    """Where its network runs."""
    return cast(Any, detector).device


def detector_in_words(detector: Detector) -> str:
    """Its network, weights and working size, in words."""
    said = detector.description
    return (
        f"{said['detector']} {said['preset']}, short side {said['size']} px, weights "
        f"{said['weights']}, {said['weights_sha256'][:12]}"
    )


def figures_on(detector: Detector, stills: Sequence[InstanceStill]) -> Figures:
    """Mask AP by COCO and by VOC, and mIoU; of partly labelled pictures of what is labelled."""
    matrix = np.zeros((OUTPUTS, OUTPUTS), np.int64)
    pairs = []
    for still in stills:
        truth, found = found_in(cast(Find, detector), still)
        pairs.append((truth, found))
        matrix += confusion_matrix(_true_classes(truth), _said(detector, truth, found), OUTPUTS)
    by_class = precision(pairs)
    regions = region_average_precision(*as_coco(pairs))
    iou = score_of_confusion(matrix).iou
    there = np.flatnonzero(matrix.any(1)).tolist()
    return {
        **by_class.figures(),
        "AP50 as one": known(precision([as_one(*pair) for pair in pairs]).ap50),
        "AP^r .5": known(regions.mean[0.5]),
        "AP^r .7": known(regions.mean[0.7]),
        "AP^r vol": known(regions.volume),
        "mIoU": float(np.mean([iou[n] or 0.0 for n in there])),
        "pictures": len(pairs),
    }


def mean_of(cells: Mapping[str, Figures], name: str) -> float | None:
    """The mean of a figure over the sets."""
    values = [figure for cell in cells.values() if (figure := cell[name]) is not None]
    return float(np.mean(values)) if values else None


def _true_classes(truth: InstanceExample) -> np.ndarray:
    """(H, W) uint8 category of each pixel, 0 background, 255 where nobody knows."""
    table = np.concatenate([[0], truth.classes]).astype(np.uint8)
    return np.where(truth.ids < 0, VOID, table[truth.ids.clip(0)]).astype(np.uint8)


def _said(detector: Detector, truth: InstanceExample, found: Detections) -> np.ndarray:
    """(H, W) uint8: the detector's own map of categories, or its masks, the surest in front.

    Where only some classes are labelled, the others are background.
    """
    semantic = getattr(detector, "semantic", None)
    if semantic is None:
        named = found[found.confidence >= 0.5]
        table = np.concatenate([[0], named.classes])
        return table[named.labels()].astype(np.uint8) if len(named) else truth.ids * np.uint8(0)
    said = semantic(Frame(torch.from_numpy(truth.image).permute(2, 0, 1).float() / 255, 0, ""))
    labelled = CATEGORIES if truth.labelled is None else truth.labelled
    return np.where(np.isin(said, list(labelled)), said, 0).astype(np.uint8)
