"""Average precision of instance masks in single frames: COCO's, and AP^r of region overlap."""

from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any, Literal

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from propago.errors import MaskError, UsageError
from propago.io.json_fields import (
    is_anything,
    is_id,
    is_length,
    is_number,
    is_whole,
    require_records,
)
from propago.io.rle import Rle, areas_px, intersections_px, to_rle
from propago.metrics.average_precision import (
    AveragePrecision,
    area_under_envelope,
    eleven_points,
    known,
    summarise,
)
from propago.metrics.inputs import InstanceFiles

VOL_THRESHOLDS = tuple(n / 10 for n in range(1, 10))
"""The IoU thresholds whose mean AP^r is AP^r_vol."""
SHOWN_THRESHOLDS = (0.5, 0.7)
"""Those that papers report by category."""
_TOLD = {"area": is_number, "id": is_id, "iscrowd": is_whole}
_PLACED = {"image_id": is_id, "category_id": is_id, "segmentation": is_anything}


def coco_average_precision(
    gt: Mapping[str, Any], results: Sequence[Mapping[str, Any]]
) -> AveragePrecision:
    """The twelve COCO segmentation numbers, by pycocotools, which prints nothing here.

    Args:
        gt: {"images", "categories", "annotations"}, as in a COCO instances file; not changed.
        results: [{"image_id", "category_id", "score", "segmentation"}]; may be empty (AP is 0).

    Raises:
        UsageError: a result names no image or category of the ground truth.
    """
    _check_ids(gt, results)
    with redirect_stdout(StringIO()):
        evaluation = COCOeval(_coco_truth(gt), _coco_results(gt, results), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
    curves: Any = evaluation.eval
    return summarise(curves["precision"], curves["recall"], evaluation.params.catIds)


@dataclass(frozen=True)
class RegionPrecision:
    """AP^r of one category at one IoU threshold; -1 where it has no ground truth."""

    category: int
    threshold: float
    ap: float
    ground_truths: int
    detections: int


@dataclass(frozen=True)
class RegionScores:
    """AP^r: how precisely regions are found, when a hit needs an IoU of at least `threshold`.

    Attributes:
        mean: for each threshold, the mean over the categories that have ground truth.
        volume: mean over the thresholds; AP^r_vol with the thresholds .1, .2 ... .9.
        categories: one entry for each category and threshold.
    """

    mean: dict[float, float]
    volume: float
    categories: tuple[RegionPrecision, ...]


class InstanceAveragePrecision:
    """The twelve COCO segmentation numbers of one pair of files."""

    lower_is_better = ()

    def __init__(self) -> None:
        self._found: AveragePrecision | None = None

    def update(self, pair: InstanceFiles) -> Mapping[str, float]:
        """Measure the files."""
        self._found = coco_average_precision(pair.gt, pair.results)
        return {}

    def compute(self) -> Mapping[str, float]:
        """The twelve numbers under their COCO names."""
        return self._found.figures() if self._found else {}

    def parts(self) -> Mapping[int, Mapping[str, float]]:
        """{"AP", "AR100"} of each category."""
        return self._found.of_categories() if self._found else {}


class RegionAveragePrecision:
    """AP^r at the IoUs .1 ... .9 of one pair of files."""

    lower_is_better = ()

    def __init__(self) -> None:
        self._found: RegionScores | None = None

    def update(self, pair: InstanceFiles) -> Mapping[str, float]:
        """Measure the files."""
        self._found = region_average_precision(pair.gt, pair.results)
        return {}

    def compute(self) -> Mapping[str, float]:
        """{"AP^r@0.1", ..., "AP^r_vol"}, fractions."""
        if self._found is None:
            return {}
        figures = {f"AP^r@{t:g}": known(ap) for t, ap in self._found.mean.items()}
        return {**figures, "AP^r_vol": known(self._found.volume)}

    def parts(self) -> Mapping[int, Mapping[str, float]]:
        """{"AP^r@0.5", "AP^r@0.7"} of each category."""
        found: dict[int, dict[str, float]] = {}
        for region in self._found.categories if self._found else ():
            if region.threshold in SHOWN_THRESHOLDS:
                name = f"AP^r@{region.threshold:g}"
                found.setdefault(region.category, {})[name] = known(region.ap)
        return found


def region_average_precision(
    gt: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    thresholds: Sequence[float] = VOL_THRESHOLDS,
    rule: Literal["area", "eleven_points"] = "area",
) -> RegionScores:
    """AP^r at any thresholds. Crowds in the ground truth are left out.

    Every detection of a category, best score first over all images, goes to the ground truth it
    overlaps most; it is right when their IoU is >= the threshold and no better-scored detection
    has it already. Unlike COCO there is no second choice.

    Args:
        gt: as for `coco_average_precision`.
        results: likewise.
        thresholds: IoUs in (0, 1].
        rule: area under the precision envelope, or VOC 2007's mean at eleven recalls.

    Raises:
        UsageError: an unknown id, a threshold outside (0, 1], or another rule.

    Source: Hariharan et al. 2014, Simultaneous Detection and Segmentation, section 5.
    """
    if not thresholds or any(not 0 < threshold <= 1 for threshold in thresholds):
        raise UsageError(f"thresholds are IoUs above 0 and up to 1; these are {tuple(thresholds)}")
    if rule not in ("area", "eleven_points"):
        raise UsageError(f"rule is 'area' or 'eleven_points'; this is {rule!r}")
    _check_ids(gt, results)
    measure = area_under_envelope if rule == "area" else eleven_points
    categories = []
    for category in sorted(c["id"] for c in gt["categories"]):
        best, claimed, positives = _claims(gt, results, category)
        for threshold in thresholds:
            ap = -1.0
            if positives:
                ap = measure(*_recall_precision(best >= threshold, claimed, positives))
            categories.append(RegionPrecision(category, threshold, ap, positives, len(best)))
    mean = {t: _mean([c.ap for c in categories if c.threshold == t]) for t in thresholds}
    return RegionScores(mean, _mean(list(mean.values())), tuple(categories))


def _claims(
    gt: Mapping[str, Any], results: Sequence[Mapping[str, Any]], category: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Best IoU (D,) and number of the ground truth claimed (D,) by falling score; ground truths."""
    sizes = {image["id"]: (image["height"], image["width"]) for image in gt["images"]}
    truth: dict[int, list[tuple[int, Rle]]] = {}
    positives = 0
    for annotation in gt["annotations"]:
        if annotation["category_id"] == category and not annotation.get("iscrowd", 0):
            rle = _rle(annotation, sizes, f"annotation {annotation.get('id')}")
            truth.setdefault(annotation["image_id"], []).append((positives, rle))
            positives += 1
    mine = [(n, result) for n, result in enumerate(results) if result["category_id"] == category]
    mine.sort(key=lambda item: -item[1]["score"])
    best, claimed = np.zeros(len(mine)), np.full(len(mine), -1)
    for d, (n, result) in enumerate(mine):
        there = truth.get(result["image_id"], [])
        if there:
            ious = _ious(_rle(result, sizes, f"result {n}"), [rle for _, rle in there])
            best[d], claimed[d] = ious.max(), there[int(ious.argmax())][0]
    return best, claimed, positives


def _recall_precision(
    reaches: np.ndarray, claimed: np.ndarray, positives: int
) -> tuple[np.ndarray, np.ndarray]:
    """Recall (D,) and precision (D,) after each detection."""
    hits = np.flatnonzero(reaches)
    _, first = np.unique(claimed[hits], return_index=True)
    true = np.zeros(len(reaches), bool)
    true[hits[first]] = True
    found = np.cumsum(true)
    return found / positives, found / np.arange(1, len(true) + 1)


def _ious(detection: Rle | None, truth: Sequence[Rle | None]) -> np.ndarray:
    shared = intersections_px([detection], truth)[0]
    union = areas_px([detection])[0] + areas_px(truth) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _rle(item: Mapping[str, Any], sizes: Mapping[int, tuple[int, int]], where: str) -> Rle:
    rle = to_rle(item["segmentation"], sizes[item["image_id"]], where)
    if rle is None:
        raise MaskError(f"{where}: it has no segmentation; an RLE object or polygons are legal")
    return rle


def _mean(aps: Sequence[float]) -> float:
    valid = [ap for ap in aps if ap > -1]
    return float(np.mean(valid)) if valid else -1.0


def _check_ids(gt: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what pycocotools would answer with an assertion, a KeyError or silence."""
    for name in ("images", "categories", "annotations"):
        if not isinstance(gt, Mapping) or name not in gt:
            raise UsageError(f"the ground truth is a COCO object; it has no '{name}'")
    if isinstance(results, Mapping):
        raise UsageError("results are a list of detections; this is an object")
    require_records(gt["images"], "image", {"id": is_id, "height": is_length, "width": is_length})
    require_records(gt["categories"], "category", {"id": is_id})
    require_records(gt["annotations"], "annotation", _PLACED, _TOLD)
    require_records(results, "result", {**_PLACED, "score": is_number})
    legal = {
        "image_id": {image["id"] for image in gt["images"]},
        "category_id": {category["id"] for category in gt["categories"]},
    }
    for what, records in (("annotation", gt["annotations"]), ("result", results)):
        for n, record in enumerate(records):
            for name, ids in legal.items():
                if record[name] not in ids:
                    raise UsageError(
                        f"{what} {n}: {name} {record[name]!r} is not in the ground truth, whose "
                        f"ids begin {sorted(ids, key=str)[:8]}"
                    )


def _coco_truth(gt: Mapping[str, Any], what: str = "annotation") -> COCO:
    sizes = {image["id"]: (image["height"], image["width"]) for image in gt["images"]}
    annotations: list[Any] = []
    for n, annotation in enumerate(gt["annotations"], 1):
        rle = _rle(annotation, sizes, f"{what} {annotation.get('id', n)}")
        known = {"id": n, "iscrowd": 0, "area": float(areas_px([rle])[0]), **annotation}
        annotations.append({**known, "segmentation": rle})
    coco = COCO()
    coco.dataset = {
        "images": list(gt["images"]),
        "categories": list(gt["categories"]),
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


def _coco_results(gt: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> COCO:
    found = [
        {**{k: v for k, v in result.items() if k not in _TOLD}, "id": n, "iscrowd": 0}
        for n, result in enumerate(results, 1)
    ]
    return _coco_truth({**gt, "annotations": found}, "result")
