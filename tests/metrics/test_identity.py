from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from propago.errors import MaskError, ShapeError
from propago.metrics.hota import (
    ALPHAS,
    FrameOverlap,
    IdentitySwitch,
    combine_identity,
    identity_score,
)
from propago.metrics.identity import TrackIdentity, identity_of_labels, overlap_of_labels
from propago.metrics.track_files import read_tracks

CASES = Path(__file__).parents[1] / "evalcases"


def maps(folder, sequence):
    for path in sorted((CASES / folder / sequence).glob("*.png")):
        yield np.array(Image.open(path))


# HOTA, DetA, AssA, LocA, MOTA and switches, computed by TrackEval 1.3.0 from the same IoUs
@pytest.mark.parametrize(
    ("sequence", "method", "expected"),
    [
        ("b_three", "swap", (0.3710936428, 0.5014036776, 0.2764537835, 0.9320157703, 0.5, 2)),
        (
            "c_five",
            "noisy",
            (0.7488278015, 0.7368472121, 0.7613530319, 0.8910362148, 0.8307692308, 0),
        ),
        ("e_vanish", "swap", (0.4005702549, 0.5519236153, 0.2959390435, 0.9203795615, 0.53125, 2)),
    ],
)
def test_equals_trackeval(sequence, method, expected):
    gt, predicted = maps("davis/Annotations/480p", sequence), maps(f"preds/{method}", sequence)
    score = identity_of_labels(zip(gt, predicted, strict=True), sequence)
    assert tuple(score.to_json()["global"].values()) == pytest.approx(expected, abs=1e-9)
    assert {switch.sequence for switch in score.switches} <= {sequence}


def two_objects(*names):
    """Frames with objects 1 and 2 of four pixels each; `names` are what they are called."""
    for first, second in names:
        gt, predicted = np.zeros((2, 8), np.uint8), np.zeros((2, 8), np.uint8)
        gt[:, :2], gt[:, 4:6] = 1, 2
        predicted[:, :2], predicted[:, 4:6] = first, second
        yield gt, predicted


def test_a_perfect_result_scores_one():
    score = identity_of_labels(two_objects((1, 2), (1, 2)))
    assert (score.hota, score.det_a, score.ass_a, score.loc_a, score.mota) == (1, 1, 1, 1, 1)
    assert score.switches == ()


def test_other_names_are_as_good():
    assert identity_of_labels(two_objects((9, 4), (9, 4))).hota == 1.0


def test_a_swap_half_way():
    # each true track matches one predicted track in 2 of 4 frames: A = 2 / (4 + 4 - 2) = 1/3
    score = identity_of_labels(two_objects((1, 2), (1, 2), (2, 1), (2, 1)), "clip")
    assert score.det_a == 1.0
    assert score.ass_a == pytest.approx(1 / 3)
    assert score.hota == pytest.approx(np.sqrt(1 / 3))
    assert score.switches == (
        IdentitySwitch("clip", 2, 1, 1, 2),
        IdentitySwitch("clip", 2, 2, 2, 1),
    )
    assert score.mota == pytest.approx((8 - 2) / 8)


def test_a_name_lost_and_found_is_no_switch_but_another_name_is():
    lost = [(1, 2), (0, 2), (1, 2)]
    assert identity_of_labels(two_objects(*lost)).switches == ()
    renamed = [(1, 2), (0, 2), (5, 2)]
    assert identity_of_labels(two_objects(*renamed)).switches == (IdentitySwitch("", 2, 1, 1, 5),)


def test_a_partner_is_kept_though_another_fits_better():
    overlaps = [
        FrameOverlap((1,), (7, 8), np.array([[0.9, 0.0]])),
        FrameOverlap((1,), (7, 8), np.array([[0.6, 0.8]])),
    ]
    assert identity_score(overlaps).switches == ()


def slow_hota(overlaps):
    """HOTA by its definition: every one-to-one matching tried, sets of frames compared."""
    gt, predicted = {}, {}
    fit = {}
    for t, o in enumerate(overlaps):
        for i in o.gt_ids:
            gt.setdefault(i, set()).add(t)
        for j in o.predicted_ids:
            predicted.setdefault(j, set()).add(t)
        for a, i in enumerate(o.gt_ids):
            for b, j in enumerate(o.predicted_ids):
                rivals = o.iou[a].sum() + o.iou[:, b].sum() - o.iou[a, b]
                if rivals > 0:
                    fit[i, j] = fit.get((i, j), 0) + o.iou[a, b] / rivals
    values = []
    for alpha in ALPHAS:
        matches = []
        for t, o in enumerate(overlaps):
            matches += [(t, *m) for m in best_matching(o, gt, predicted, fit, alpha)]
        total = sum(len(o.gt_ids) + len(o.predicted_ids) for o in overlaps) - len(matches)
        association = 0.0
        for _, i, j in matches:
            together = sum(1 for _, a, b in matches if (a, b) == (i, j))
            association += together / (len(gt[i]) + len(predicted[j]) - together)
        det, ass = len(matches) / max(1, total), association / max(1, len(matches))
        values.append((det * ass) ** 0.5)
    return np.mean(values)


def best_matching(overlap, gt, predicted, fit, alpha):
    def worth(a, b):
        i, j = overlap.gt_ids[a], overlap.predicted_ids[b]
        f = fit.get((i, j), 0)
        return f / (len(gt[i]) + len(predicted[j]) - f) * overlap.iou[a, b]

    n, m = overlap.iou.shape
    columns = [*range(m), *[None] * n]
    best = max(
        permutations(columns, n),
        key=lambda p: sum(worth(a, b) for a, b in enumerate(p) if b is not None),
        default=(),
    )
    return [
        (overlap.gt_ids[a], overlap.predicted_ids[b])
        for a, b in enumerate(best)
        if b is not None and overlap.iou[a, b] >= alpha - 1e-12
    ]


def test_hota_equals_every_matching_tried():
    random = np.random.default_rng(8)
    for _ in range(8):
        overlaps = []
        for _ in range(random.integers(1, 6)):
            gt_ids = tuple(np.flatnonzero(random.random(3) < 0.8).tolist())
            ids = tuple(np.flatnonzero(random.random(3) < 0.8).tolist())
            overlaps.append(FrameOverlap(gt_ids, ids, random.random((len(gt_ids), len(ids)))))
        assert identity_score(overlaps).hota == pytest.approx(slow_hota(overlaps))


def test_sequences_add_up():
    a, b = list(two_objects((1, 2), (2, 1))), list(two_objects((1, 0), (1, 0), (1, 2)))
    together = combine_identity([identity_of_labels(a, "a"), identity_of_labels(b, "b")])
    renamed = [(gt + 10 * (gt > 0), p + 10 * (p > 0)) for gt, p in b]
    one_long = identity_of_labels([*a, *renamed])
    assert together.hota == pytest.approx(one_long.hota)
    assert together.mota == pytest.approx(one_long.mota)
    assert [switch.sequence for switch in together.switches] == ["a", "a"]


def test_nothing_anywhere_scores_zero():
    empty = np.zeros((2, 2), np.uint8)
    assert identity_of_labels([(empty, empty)]).hota == 0.0
    assert identity_of_labels([]).hota == 0.0
    assert combine_identity([]).hota == 0.0


def test_overlaps_equal_the_pixels_and_void_counts_nowhere():
    random = np.random.default_rng(5)
    gt = random.choice([0, 3, 200, 255], (9, 11)).astype(np.uint8)
    predicted = random.choice([0, 2, 3, 255], (9, 11)).astype(np.uint8)
    overlap = overlap_of_labels(gt, predicted)
    assert overlap.gt_ids == (3, 200)
    assert overlap.predicted_ids == (2, 3)
    for a, i in enumerate(overlap.gt_ids):
        for b, j in enumerate(overlap.predicted_ids):
            mine, theirs = gt == i, (predicted == j) & (gt != 255)
            assert overlap.iou[a, b] == (mine & theirs).sum() / (mine | theirs).sum()


def test_255_is_an_id_in_uint16():
    gt = np.array([[0, 255, 300]], np.uint16)
    assert overlap_of_labels(gt, gt).gt_ids == (255, 300)


def test_an_object_predicted_only_under_void_is_not_there():
    gt = np.array([[255, 1]], np.uint8)
    assert overlap_of_labels(gt, np.array([[5, 1]], np.uint8)).predicted_ids == (1,)


def test_label_maps_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError):
        overlap_of_labels(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))
    with pytest.raises(MaskError, match="float"):
        overlap_of_labels(np.zeros((2, 3)), np.zeros((2, 3), np.uint8))


def strip(start, end):
    mask = np.zeros((4, 20), np.uint8, order="F")
    mask[:, start:end] = 1
    return coco_mask.encode(mask)


def track_files(crowd=None):
    annotations = [
        {"id": 41, "video_id": 1, "category_id": 2, "segmentations": [strip(0, 5), strip(0, 5)]}
    ]
    if crowd:
        annotations.append({**annotations[0], "id": 42, "iscrowd": 1, "segmentations": crowd})
    return {
        "videos": [{"id": 1, "height": 4, "width": 20, "length": 2}],
        "categories": [{"id": 2}, {"id": 3}],
        "annotations": annotations,
    }


def result(score, *masks, category=2):
    return {"video_id": 1, "category_id": category, "score": score, "segmentations": list(masks)}


def identity_of_tracks(gt, results, min_score=0.0):
    metric = TrackIdentity(min_score)
    for video in read_tracks(gt, results):
        metric.update(video)
    return metric.by_category()


def test_tracks_of_files_by_category():
    found = [result(0.9, strip(0, 5), None), result(0.8, None, strip(0, 5))]
    scores = identity_of_tracks(track_files(), [*found, result(1, strip(0, 5), None, category=3)])
    assert scores[2].det_a == 1.0
    assert scores[2].switches == (IdentitySwitch("1", 1, 41, 0, 1),)
    assert scores[3].det_a == 0.0


def test_tracks_below_the_score_are_left_out():
    found = [result(0.9, strip(0, 5), strip(0, 5)), result(0.1, strip(9, 12), None)]
    assert identity_of_tracks(track_files(), found, min_score=0.5)[2].hota == 1.0
    assert identity_of_tracks(track_files(), found)[2].hota < 1.0


def test_a_mask_in_a_crowd_is_no_mistake_unless_it_hits_an_object():
    files = track_files(crowd=[strip(0, 15), None])
    found = [result(0.9, strip(0, 5), strip(0, 5)), result(0.8, strip(8, 12), None)]
    assert identity_of_tracks(files, found)[2].hota == 1.0
