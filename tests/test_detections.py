"""Detections and tracks: what belongs together, and every way in and out."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from propago.detections import Detections, Tracks
from propago.errors import MaskError, ShapeError, SourceError, UsageError
from propago.io.formats.coco import detections_from_coco, detections_to_coco
from propago.io.formats.video_json import read_youtube_vis
from propago.io.formats.youtube_vis import tracks_to_youtube_vis

LABELS = np.zeros((5, 7), np.uint8)
LABELS[1:3, 2:6], LABELS[4, 0] = 4, 9
LABELS[0] = 255


def two(**changed) -> Detections:
    """Two overlapping squares; the second is surer."""
    masks = np.zeros((2, 5, 7), bool)
    masks[0, 0:3, 0:3], masks[1, 2:5, 2:6] = True, True
    return Detections(
        **{
            "boxes_xyxy": np.array([[0.0, 0, 3, 3], [2, 2, 6, 5]]),
            "classes": np.array([3, 1]),
            "confidence": np.array([0.5, 0.75]),
            "masks": masks,
            "ids": np.array([8, 2]),
        }
        | changed
    )


def assert_equal(mine: Detections, other: Detections) -> None:
    for name in ("boxes_xyxy", "classes", "confidence", "masks", "ids"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(other, name), name)


def test_label_maps_both_ways():
    found = Detections.from_labels(LABELS)
    assert found.ids.tolist() == [4, 9]
    assert found.boxes_xyxy.tolist() == [[2, 1, 6, 3], [0, 4, 1, 5]]
    np.testing.assert_array_equal(found.labels(), np.where(LABELS == 255, 0, LABELS))
    assert two().labels()[2].tolist() == [8, 8, 2, 2, 2, 2, 0]
    assert two(ids=None).labels()[2].tolist() == [1, 1, 2, 2, 2, 2, 0]
    assert two(ids=np.array([300, 2])).labels().dtype == np.uint16
    empty = Detections.from_labels(LABELS * 0)
    assert len(empty) == 0
    assert not empty.labels().any()
    with pytest.raises(MaskError, match="boxes only"):
        two(masks=None).labels()


def test_parts_are_chosen_together():
    surest = two()[two().confidence > 0.6]
    assert len(surest) == 1
    assert (surest.ids.tolist(), surest.classes.tolist()) == ([2], [1])
    assert two()[[1, 0]].boxes_xyxy[0].tolist() == [2, 2, 6, 5]
    assert two(masks=None)[:1].masks is None


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"boxes_xyxy": np.zeros((2, 3))}, ShapeError, r"boxes are \(N, 4\)"),
        ({"classes": np.zeros(3, int)}, ShapeError, "classes of 2 detections"),
        ({"masks": np.zeros((2, 5, 7))}, MaskError, "float64"),
        ({"ids": np.array([1, 1])}, MaskError, "distinct"),
    ],
)
def test_what_does_not_belong_together_is_refused(changed, error, message):
    with pytest.raises(error, match=message):
        two(**changed)


def test_supervision_both_ways(monkeypatch):
    monkeypatch.setitem(sys.modules, "supervision", SimpleNamespace(Detections=SimpleNamespace))
    theirs = two().to_supervision()
    assert theirs.tracker_id.tolist() == [8, 2]
    assert_equal(Detections.from_supervision(theirs), two())
    theirs.class_id = theirs.tracker_id = theirs.mask = theirs.confidence = None
    bare = Detections.from_supervision(theirs)
    assert (bare.classes.tolist(), bare.confidence.tolist()) == ([1, 1], [1, 1])
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(UsageError, match="pip install"):
        two().to_supervision()


def test_coco_both_ways():
    results = detections_to_coco(two(), image_id=11)
    assert results[1]["bbox"] == [2, 2, 4, 3]
    assert isinstance(results[0]["segmentation"]["counts"], str)
    assert_equal(detections_from_coco(results, (5, 7)), two(ids=None))
    boxes = detections_from_coco([{"category_id": 1, "bbox": [1, 2, 3, 4]}], (9, 9))
    assert boxes.boxes_xyxy.tolist() == [[1, 2, 4, 6]]
    assert boxes.masks is None
    assert len(detections_from_coco([], (5, 7))) == 0
    with pytest.raises(UsageError, match="needs category_id"):
        detections_from_coco([{"bbox": [0, 0, 1, 1]}], (5, 7))


def test_youtube_vis_both_ways(tmp_path):
    tracks = Tracks({"a": two(), "b": two()[:1], "c": two()[:0]}, (5, 7))
    results = tracks_to_youtube_vis(tracks, video_id=6)
    assert [(r["id"], r["category_id"], r["score"]) for r in results] == [(2, 1, 0.75), (8, 3, 0.5)]
    assert [s is None for s in results[0]["segmentations"]] == [False, True, True]
    nowhere = {**results[0], "id": 9, "segmentations": [None] * 3}
    (tmp_path / "results.json").write_text(json.dumps([*results, nowhere]))
    (video,) = read_youtube_vis(tmp_path / "results.json")
    first, second, third = (found.detections() for _, found in video)
    assert_equal(first, two()[[1, 0]])
    assert (second.ids.tolist(), len(third)) == ([8], 0)
    results[1]["segmentations"].pop()
    (tmp_path / "results.json").write_text(json.dumps(results))
    with pytest.raises(SourceError, match="3 segmentations, the video 2 frames"):
        read_youtube_vis(tmp_path / "results.json")
    with pytest.raises(MaskError, match="have ids"):
        Tracks({"a": two(ids=None)}, (5, 7))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("boxes_xyxy", [[0, 0, np.nan, 3], [2, 2, 6, 5]], r"finite.*nan"),
        ("boxes_xyxy", [[0, 0, 3, 3], [6, 2, 2, 5]], r"\[6\.0, 2\.0, 2\.0, 5\.0\]"),
        ("confidence", [0.5, 75], r"\[0, 1\]; one is 75: divide per cents"),
        ("confidence", [0.5, np.nan], "one is nan"),
    ],
)
def test_numbers_that_are_none_are_refused(name, value, said):
    with pytest.raises(MaskError, match=said):
        two(**{name: np.array(value, float)})
