import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from propago.errors import MaskError, UsageError
from propago.metrics.average_precision import area_under_envelope, eleven_points
from propago.metrics.inputs import InstanceFiles
from propago.metrics.instances import (
    RegionAveragePrecision,
    coco_average_precision,
    region_average_precision,
)

CASES = Path(__file__).parents[1] / "evalcases"
EXPECTED = json.loads((CASES / "expected/coco_frames.json").read_text())


@pytest.fixture(scope="module")
def frames():
    folder = CASES / "coco_frames"
    return tuple(json.loads((folder / f"{n}.json").read_text()) for n in ("gt", "results"))


def bars(*lengths, score=None, image=1):
    """Rows of the given lengths in pixels from the left, each in a line of its own."""
    items = []
    for row, length in enumerate(lengths):
        mask = np.zeros((10, 20), np.uint8, order="F")
        mask[row, :length] = 1
        item = {"image_id": image, "category_id": 1, "segmentation": coco_mask.encode(mask)}
        items.append(item | ({"score": score} if score is not None else {}))
    return items


def truth(*annotations):
    return {
        "images": [{"id": 1, "height": 10, "width": 20}],
        "categories": [{"id": 1}],
        "annotations": [
            {"id": n + 1, "iscrowd": 0, "area": 1, **a} for n, a in enumerate(annotations)
        ],
    }


def test_coco_numbers_equal_pycocotools(frames, capsys):
    before = copy.deepcopy(frames)
    ap = coco_average_precision(*frames)
    numbers = [-1 if math.isnan(value) else value for value in ap.figures().values()]
    assert numbers == pytest.approx(EXPECTED["pycocotools_segm"], abs=1e-12)
    assert frames == before
    assert capsys.readouterr().out == ""


def test_no_results_score_zero(frames):
    assert coco_average_precision(frames[0], []).ap == 0.0
    assert region_average_precision(frames[0], []).volume == 0.0


@pytest.mark.parametrize(("rule", "key"), [("area", "ap_area"), ("eleven_points", "ap_11pt")])
def test_ap_r_equals_the_recorded_values(frames, rule, key):
    score = region_average_precision(*frames, thresholds=(0.5, 0.7), rule=rule)
    seen = 0
    for region in score.categories:
        expected = EXPECTED["APr_noncrowd_gt"].get(f"{region.category}|{region.threshold}")
        if expected:
            seen += 1
            assert region.ap == pytest.approx(expected[key], abs=1e-12)
            assert region.ground_truths == expected["npos"]
            assert region.detections == expected["ndet"]
        else:
            assert region.ap == -1.0
    assert seen == len(EXPECTED["APr_noncrowd_gt"])


def test_ap_r_vol_is_the_mean_over_nine_thresholds():
    # one object of 10 pixels, found with IoU .5: right at .1 ... .5, wrong at .6 ... .9
    metric = RegionAveragePrecision()
    metric.update(InstanceFiles(truth(*bars(10)), bars(5, score=1.0)))
    figures = metric.compute()
    assert figures["AP^r_vol"] == pytest.approx(5 / 9)
    assert (figures["AP^r@0.5"], figures["AP^r@0.6"]) == (1.0, 0.0)
    assert metric.parts() == {1: {"AP^r@0.5": 1.0, "AP^r@0.7": 0.0}}


def test_ap_r_gives_no_second_choice():
    # both detections overlap the first object most; the second one is a duplicate, not a hit
    wide, *_ = bars(10)
    mask = np.zeros((10, 20), np.uint8, order="F")
    mask[0, 10:14] = 1
    beside = {**wide, "segmentation": coco_mask.encode(mask)}
    mask[0, :10] = 1
    both = {**wide, "segmentation": coco_mask.encode(mask)}
    gt = truth(wide, beside)
    results = [{**wide, "score": 0.9}, {**both, "score": 0.8}]
    assert region_average_precision(gt, results, (0.2,)).volume == pytest.approx(0.5)


def test_ap_r_leaves_crowds_out():
    gt = truth(*bars(10, 8))
    gt["annotations"][1]["iscrowd"] = 1
    score = region_average_precision(gt, bars(10, score=0.5), (0.5,))
    assert score.volume == 1.0
    assert score.categories[0].ground_truths == 1


def test_a_hand_worked_precision_curve():
    # hit, miss, hit of 4: recall .25 .25 .5, precision 1, 1/2, 2/3
    recall, precision = np.array([0.25, 0.25, 0.5]), np.array([1.0, 0.5, 2 / 3])
    assert area_under_envelope(recall, precision) == pytest.approx(0.25 * 1 + 0.25 * 2 / 3)
    assert eleven_points(recall, precision) == pytest.approx((3 * 1 + 3 * 2 / 3) / 11)


@pytest.mark.parametrize("score", [coco_average_precision, region_average_precision])
def test_bad_input_is_named(score):
    gt = truth(*bars(10))
    with pytest.raises(UsageError, match="result 0: image_id 2 is not in the ground truth"):
        score(gt, bars(5, score=1.0, image=2))
    with pytest.raises(UsageError, match="result 0: 'score' is missing"):
        score(gt, bars(5))
    with pytest.raises(UsageError, match="results are a list"):
        score(gt, gt)
    with pytest.raises(UsageError, match="it has no 'images'"):
        score({}, [])


def test_bad_settings_are_refused():
    gt = truth(*bars(10))
    with pytest.raises(UsageError, match="above 0 and up to 1"):
        region_average_precision(gt, [], (0.0, 0.5))
    with pytest.raises(UsageError, match="'area' or 'eleven_points'"):
        region_average_precision(gt, [], (0.5,), rule="voc")  # type: ignore[arg-type]


def test_ground_truth_without_the_fields_that_others_leave_out():
    gt = truth(*bars(6, 9))
    bare = copy.deepcopy(gt)
    for annotation in bare["annotations"]:
        del annotation["iscrowd"], annotation["area"], annotation["id"]
    results = bars(6, 9, score=0.5)
    assert coco_average_precision(bare, results).ap == coco_average_precision(gt, results).ap == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_id": 7}, "annotation 0: image_id 7 is not in the ground truth"),
        ({"segmentation": None}, "annotation 1: it has no segmentation"),
        ({"area": "x"}, "annotation 0: 'area' is 'x'"),
    ],
)
def test_ground_truth_that_does_not_fit_is_refused(change, said):
    gt = truth(bars(6)[0] | change)
    with pytest.raises((UsageError, MaskError), match=said):
        coco_average_precision(gt, [])
