"""What a validation says of detectors that are right, wrong, or right in part; and a training."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from propago.components import DETECTORS, load_component
from propago.data.instances import UNKNOWN, InstanceStill
from propago.data.task import InstanceSettings
from propago.detections import Detections
from propago.errors import UsageError
from propago.jobs.train import train
from propago.training.optimisation import Optimisation
from propago.training.recipe import Recipe, Validation
from propago.training.validate_detector import as_one, found_in, precision, validate_detector


@dataclass(frozen=True)
class Squares(InstanceStill):
    """A picture of two squares that is no file; right of column 40 nobody knows."""

    def read(self):
        ids = self.read_ids()
        return np.repeat((ids[..., None] * 60).astype(np.uint8), 3, 2), ids


def squares():
    ids = np.zeros((60, 80), np.uint16)
    ids[5:25, 5:25], ids[30:50, 10:30], ids[:, 40:] = 1, 2, UNKNOWN
    return ids


STILL = Squares(Path("x.jpg"), squares, {1: 17, 2: 1})


def says(masks, classes, confidence=None):
    found = Detections.of_masks(np.array(masks), classes, confidence)
    return lambda frame: found


def test_a_detector_that_is_right_scores_1_and_the_unknown_does_not_count():
    ids = squares()
    masks = [ids == 1, ids == 2, ids == UNKNOWN]
    result = validate_detector(says(masks, [17, 1, 1], [0.8, 0.8, 0.9]), {"mine": [STILL]}, 5)
    assert result.numbers == pytest.approx({"val_ap50_mine": 1, "val_ap50_mine_any": 1})
    assert "mine 1.000 (1.000 whatever the class)" in result.line
    assert result.picture.shape == (240, 320, 3)


def test_wrong_classes_count_unless_all_are_one():
    ids = squares()
    result = validate_detector(says([ids == 1, ids == 2], [1, 17]), {"mine": [STILL]}, 5)
    assert result.numbers == pytest.approx({"val_ap50_mine": 0, "val_ap50_mine_any": 1})


def test_doubles_of_several_classes_are_one_where_classes_do_not_count():
    ids = squares()
    detector = says([ids == 1, ids == 1, ids == 2], [1, 17, 1], [0.9, 0.8, 0.7])
    _, found = as_one(*found_in(detector, STILL))
    assert found.confidence.tolist() == [0.9, 0.7]


def test_where_one_class_is_labelled_others_do_not_count():
    ids = squares()
    still = replace(STILL, labelled=frozenset({17}), classes={1: 17, 2: 17})
    truth, found = found_in(says([ids == 1, ids == 2, ids == 0], [17, 17, 3]), still)
    assert found.classes.tolist() == [17, 17]
    assert precision([(truth, found)]).ap50 == pytest.approx(1)


@pytest.fixture
def cats(tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / "stills/cats" / kind).mkdir(parents=True)
    mask = np.zeros((64, 64), np.uint8)
    mask[10:50, 10:50] = 1
    image = (mask[..., None].repeat(3, 2) * 120 + 50).astype(np.uint8)
    for n in range(10):
        cv2.imwrite(str(tmp_path / f"stills/cats/images/{n}.jpg"), image)
        Image.fromarray(mask).save(tmp_path / f"stills/cats/masks/{n}.png")
    return tmp_path


@pytest.mark.slow
def test_a_training_ends_with_a_detector_and_figures_on_what_is_held_out(cats):
    recipe = Recipe(
        "tiny",
        "mask_rcnn",
        steps=1,
        optimisation=Optimisation(batch=2),
        task=InstanceSettings(height=64, width=64, proposals=16, boxes=8),
        data={"cats": 1.0},
        validation=Validation(frames=3),
    )
    trained = train(recipe, data=cats, out=cats / "run", workers=0)
    assert trained.validation.startswith("mask AP50 on held-out pictures")
    assert "cats 0" in trained.card.read_text()
    detector = load_component(DETECTORS, "mask_rcnn", "`detector`", weights=trained.weights)
    assert detector.description["preset"] == "compact"


def test_sides_that_32_does_not_divide_are_refused():
    with pytest.raises(UsageError, match="width = 100: 32 divides it"):
        InstanceSettings(width=100)
