import json
import math
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from propago.errors import MaskError, UsageError
from propago.io.rle import areas_px, decode, intersections_px, to_rle
from propago.metrics.average_precision import match_greedily
from propago.metrics.track_files import read_tracks
from propago.metrics.tracks import TrackAveragePrecision, track_ious

CASES = Path(__file__).parents[1] / "evalcases"
EXPECTED = json.loads((CASES / "expected/ytvis_cocoapi.json").read_text())
RUNS = sorted(name for name in EXPECTED if "|" in name)


def load(run):
    folder, gt, results = run.split("|")
    return (json.loads((CASES / folder / f"{name}.json").read_text()) for name in (gt, results))


def track_average_precision(gt, results):
    metric = TrackAveragePrecision()
    for video in read_tracks(gt, results):
        metric.update(video)
    return metric.average_precision()


def official(figures):
    """The official tool says -1 where there is nothing to find."""
    return {name: -1 if math.isnan(value) else value for name, value in figures.items()}


def encoded(mask):
    return None if mask is None else coco_mask.encode(np.asfortranarray(mask, np.uint8))


def tiny(n_frames=2, **changes):
    """One video of 8x10 pixels, one object of 4 pixels in every frame, found exactly."""
    mask = np.zeros((8, 10), bool)
    mask[2:4, 3:5] = True
    track = {"video_id": 7, "category_id": 3, "segmentations": [encoded(mask)] * n_frames}
    gt = {
        "videos": [{"id": 7, "height": 8, "width": 10, "length": n_frames}],
        "categories": [{"id": 3}, {"id": 4}],
        "annotations": [{"id": 1, "iscrowd": 0, "areas": [4] * n_frames, **track}],
    }
    return gt, [{"score": 0.5, **track, **changes}]


@pytest.mark.parametrize("run", RUNS)
def test_equals_the_official_tool(run):
    expected = EXPECTED[run]
    ap = track_average_precision(*load(run))
    assert official(ap.figures()) == pytest.approx(expected["stats"], abs=1e-12)
    assert ap.ap_per_iou == pytest.approx(expected["AP_per_iou"], abs=1e-12)
    per_category = {str(c): official(numbers) for c, numbers in ap.of_categories().items()}
    assert per_category == {
        name: pytest.approx(numbers, abs=1e-12)
        for name, numbers in expected["per_category"].items()
    }


@pytest.mark.parametrize("run", RUNS)
def test_iou_matrices_equal_the_official_tools(run):
    videos = {tracks.video: tracks for tracks in read_tracks(*load(run))}
    for pair, matrix in EXPECTED[run]["ious"].items():
        video, category = map(int, pair.split(","))
        truth, found = videos[video].of_category(category)
        found.sort(key=lambda t: -t.score)
        if truth and found:
            np.testing.assert_array_equal(track_ious(found, truth), matrix)


def test_no_results_score_zero_where_the_official_tool_stops():
    gt, _ = tiny()
    ap = track_average_precision(gt, [])
    assert (ap.ap, ap.ap_small, ap.ap_large, ap.ar100) == (0.0, 0.0, -1.0, 0.0)


def test_nothing_to_find_scores_minus_one():
    gt, results = tiny()
    assert track_average_precision({**gt, "annotations": []}, results).ap == -1.0


def test_masks_may_be_polygons_or_uncompressed():
    gt, results = tiny()
    square = [[3, 2, 5, 2, 5, 4, 3, 4]]
    counts = {"size": [8, 10], "counts": [26, 2, 6, 2, 44]}
    for segmentation in (square, counts):
        results[0]["segmentations"] = [segmentation] * 2
        assert track_average_precision(gt, results).ap == pytest.approx(1.0)


def test_listed_areas_decide_the_size_range_and_absent_ones_are_measured():
    gt, results = tiny()
    assert track_average_precision(gt, results).ap_small == pytest.approx(1.0)
    gt["annotations"][0]["areas"] = [None, 200**2]
    assert track_average_precision(gt, results).ap_medium == pytest.approx(1.0)
    del gt["annotations"][0]["areas"]
    assert track_average_precision(gt, results).ap_small == pytest.approx(1.0)


def test_a_frame_of_one_side_only_adds_to_the_union():
    gt, results = tiny()
    results[0]["segmentations"] = [results[0]["segmentations"][0], None]
    (tracks,) = read_tracks(gt, results)
    assert track_ious(tracks.detections, tracks.truth) == pytest.approx(np.array([[0.5]]))


def test_tracks_without_a_pixel_have_no_overlap():
    gt, results = tiny(segmentations=[None, None])
    gt["annotations"][0]["segmentations"] = [None, None]
    (tracks,) = read_tracks(gt, results)
    assert track_ious(tracks.detections, tracks.truth).tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"video_id": 8}, UsageError, "video_id 8 .* ids are 7"),
        ({"category_id": 9}, UsageError, "category_id 9 .* ids are 3, 4"),
        ({"segmentations": [None]}, MaskError, "1 segmentations for the 2 frames of video 7"),
        ({"segmentations": [None, "oops"]}, MaskError, "result 0, frame 1"),
        ({"segmentations": [None, encoded(np.ones((4, 4)))]}, MaskError, r"\(4, 4\).*\(8, 10\)"),
        ({"score": float("nan")}, UsageError, "result 0: 'score' is nan"),
    ],
)
def test_a_result_that_does_not_fit_is_refused_by_its_number(change, error, says):
    with pytest.raises(error, match=says):
        track_average_precision(*tiny(**change))


def test_wrong_files_are_refused():
    gt, results = tiny()
    with pytest.raises(UsageError, match="results are a list"):
        track_average_precision(gt, gt)
    with pytest.raises(UsageError, match="'videos' is missing"):
        track_average_precision({"images": []}, results)
    with pytest.raises(UsageError, match="result 0: 'score' is missing"):
        track_average_precision(
            gt, [{"video_id": 7, "category_id": 3, "segmentations": [None] * 2}]
        )


def loop_matching(iou, ignored, crowd, threshold):
    """One size range and threshold, by the words of the definition."""
    taken, matches = set(), []
    for row in iou:
        best = -1
        for wanted in (False, True):
            for g, value in enumerate(row):
                free = g not in taken or crowd[g]
                if ignored[g] == wanted and free and value >= min(threshold, 1 - 1e-10):
                    best = g if best < 0 or value >= row[best] else best
            if best >= 0:
                break
        taken |= {best} - {-1}
        matches.append(best)
    return matches


def test_matching_equals_a_loop():
    random = np.random.default_rng(3)
    for _ in range(60):
        n_detections, n_truth = random.integers(0, 7, 2)
        iou = random.integers(9, 21, (n_detections, n_truth)) / 20
        crowd = random.random(n_truth) < 0.3
        ignored = crowd | (random.random((4, n_truth)) < 0.3)
        matches = match_greedily(iou, ignored, crowd)
        for area in range(4):
            for t, threshold in enumerate(np.linspace(0.5, 0.95, 10)):
                expected = loop_matching(iou, ignored[area], crowd, threshold)
                assert matches[area, t].tolist() == expected


def test_intersections_equal_the_pixels():
    random = np.random.default_rng(4)
    masks = [random.random((13, 17)) < p for p in (0.0, 0.1, 0.5, 1.0)]
    rles = [None, *(to_rle(encoded(mask), (13, 17), "a mask") for mask in masks)]
    shared = intersections_px(rles, rles)
    assert areas_px(rles).tolist() == [0, *(mask.sum() for mask in masks)]
    assert not shared[0].any()
    assert not shared[:, 0].any()
    for i, a in enumerate(masks):
        for j, b in enumerate(masks):
            assert shared[i + 1, j + 1] == (a & b).sum()


def test_counts_that_do_not_fill_the_frame_are_refused():
    with pytest.raises(MaskError, match="add up to 5 pixels"):
        to_rle({"size": [2, 3], "counts": [2, 3]}, (2, 3), "a mask")


@pytest.mark.parametrize("how", ["flat", "text", "runs"])
def test_run_lengths_of_any_form_are_read_as_pycocotools_reads_them(how):
    random = np.random.default_rng(5)
    for mask in (random.random((2, 9, 70)) < 0.03, random.random((2, 300, 3)) < 0.9):
        for plane in mask:
            rle = encoded(plane)
            if how == "runs":
                flat = np.flatnonzero(np.diff(plane.T.ravel().astype(int), prepend=0)).tolist()
                rle = {"size": [*plane.shape], "counts": np.diff([0, *flat, plane.size]).tolist()}
            elif how == "text":
                rle = rle | {"counts": rle["counts"].decode()}
            np.testing.assert_array_equal(
                decode([to_rle(rle, plane.shape, "m")], plane.shape)[0], plane
            )


@pytest.mark.parametrize(
    "counts",
    ["", "0", "1h", "\x7f\x00", "06" * 4000, b"P" * 9, [-1, 7], [1.5, 4.5], "\u20ac", 6, None],
)
def test_damaged_run_lengths_never_reach_pycocotools(counts):
    with pytest.raises(MaskError, match="a mask: the RLE counts"):
        to_rle({"size": [2, 3], "counts": counts}, (2, 3), "a mask")


@pytest.mark.parametrize(
    "polygon", [[0, 0, 1e300, 0, 1, 1], [0, 0, float("nan"), 1, 2, 2], ["a"] * 6, [0, 0, 1], 3]
)
def test_polygons_are_numbers_near_the_frame(polygon):
    with pytest.raises(MaskError, match="a segmentation is"):
        to_rle([polygon], (2, 3), "a mask")
