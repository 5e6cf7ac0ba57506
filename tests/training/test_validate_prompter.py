"""What a validation says of prompters that are right, blind or partial; and a training."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from propago.components import PROMPTERS, load_component
from propago.data.stills import Still
from propago.errors import UsageError
from propago.jobs.train import train
from propago.methods.ritm.train import RitmTraining
from propago.training.optimisation import Optimisation
from propago.training.recipe import Recipe, Validation
from propago.training.validate_prompter import clicked, overlap, validate_prompter

TRUTH = np.zeros((40, 60), np.uint8)
TRUTH[10:31, 10:51] = 1


@pytest.fixture
def still(tmp_path):
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", np.zeros((40, 60, 3)))[1].tobytes())
    return Still(tmp_path / "a.png", lambda: TRUTH)


def discs(rgb, prompt):
    """The box, or a square of 11 around each click on the object."""
    mask = np.zeros(rgb.shape[:2], bool)
    if prompt.box_xyxy:
        x0, y0, x1, y1 = map(int, prompt.box_xyxy)
        mask[y0:y1, x0:x1] = True
    for x, y in prompt.positive:
        mask[int(y) - 5 : int(y) + 6, int(x) - 5 : int(x) + 6] = True
    return mask


def test_the_figures_are_of_a_box_of_the_first_click_and_of_the_last(still):
    found = validate_prompter(discs, {"one": [still]}, 5)
    assert found.numbers["val_iou_one_box"] == 1
    assert found.numbers["val_iou_one_click"] == pytest.approx(121 / 861)
    assert found.numbers["val_iou_one_3_clicks"] == pytest.approx(3 * 121 / 861, abs=0.06)
    assert "one 1.000/0.141/0." in found.line
    assert found.picture.shape == (240, 360, 3)


def test_of_no_answer_the_overlap_is_0(still):
    found = validate_prompter(lambda *_: None, {"one": [still]}, 1)
    assert set(found.numbers.values()) == {0.0}


def test_a_right_answer_is_clicked_at_no_more():
    asked = []

    def right(_, prompt):
        asked.append(prompt)
        return TRUTH == 1

    masks = clicked(right, np.zeros((40, 60, 3), np.uint8), TRUTH, 3)
    assert [overlap(mask, TRUTH) for mask in masks] == [1, 1, 1]
    assert len(asked) == 1


@pytest.fixture
def cats(tmp_path: Path):
    for kind in ("images", "masks"):
        (tmp_path / "stills/cats" / kind).mkdir(parents=True)
    mask = np.zeros((64, 64), np.uint8)
    mask[10:50, 10:50] = 1
    image = (mask[..., None].repeat(3, 2) * 120 + 50).astype(np.uint8)
    for n in range(10):
        picture = cv2.imencode(".jpg", image)[1].tobytes()
        (tmp_path / f"stills/cats/images/{n}.jpg").write_bytes(picture)
        Image.fromarray(mask).save(tmp_path / f"stills/cats/masks/{n}.png")
    return tmp_path


@pytest.mark.slow
def test_a_training_ends_with_a_prompter_and_figures_on_what_is_held_out(cats):
    recipe = Recipe(
        "tiny",
        "ritm",
        steps=1,
        optimisation=Optimisation(batch=2),
        task=RitmTraining(height=64, width=64),
        data={"cats": 1.0},
        validation=Validation(frames=3),
    )
    trained = train(recipe, data=cats, out=cats / "run", workers=0)
    assert trained.validation.startswith("IoU after an exact box / one click / 3 clicks")
    assert "cats 0" in trained.card.read_text()
    ritm = load_component(PROMPTERS, "ritm", "`prompter`", weights=trained.weights)
    assert ritm.description["preset"] == "compact"


def test_views_that_are_not_square_are_refused():
    with pytest.raises(UsageError, match="views are square"):
        RitmTraining(height=64, width=96)
