"""A metric of one's own: one file, passed as an object. Tables, CSV, JSON and report take it."""

import csv
import io

import numpy as np
import pytest

import propago


class AreaDifference:
    """By how many pixels the area of the prediction is wrong, mean over frames."""

    lower_is_better = ("area_difference_px",)

    def __init__(self):
        self.differences_px = []

    def update(self, pair):
        self.differences_px.append(abs(int(pair.pred.sum()) - int(pair.gt.sum())))
        return {"area difference": self.differences_px[-1]}

    def compute(self):
        return {"area_difference_px": float(np.mean(self.differences_px))}


@pytest.fixture
def masks(tmp_path):
    """Object 1 of 20 pixels in 5 frames, predicted with 20 + t; object 2 of 6, never predicted."""
    for t in range(5):
        labels = np.zeros((10, 20), np.uint8)
        labels[0, :20], labels[9, :6] = 1, 2
        for side in ("gt", "pred"):
            (tmp_path / side / "clip").mkdir(parents=True, exist_ok=True)
        propago.write_mask(tmp_path / f"gt/clip/{t}.png", labels)
        labels[9] = 0
        labels[5, :t] = 1
        propago.write_mask(tmp_path / f"pred/clip/{t}.png", labels)
    return tmp_path


def test_a_metric_is_one_class(masks):
    found = propago.evaluate(masks / "pred", masks / "gt", metrics=["J&F", AreaDifference()])
    assert [o.figures["area_difference_px"] for o in found.objects] == [2.0, 6.0]
    assert found.to_json()["global"]["area_difference_px"] == 4.0
    assert found.to_json()["frames"]["clip"]["area difference"]["1"] == [1.0, 2.0, 3.0]
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [float(row["area_difference_px"]) for row in rows] == [4.0, 2.0, 6.0]
    page = propago.write_report(masks / "report.html", found).read_text("utf-8")
    assert "area difference per frame" in page
    assert "By how many pixels the area of the prediction is wrong" in page


def test_it_may_stand_alone(masks):
    found = propago.evaluate(masks / "pred", masks / "gt", metrics=[AreaDifference()])
    assert dict(found.figures) == {"area_difference_px": 4.0}
