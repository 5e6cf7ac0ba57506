import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from propago.data.stills import read_still
from propago.errors import SourceError, UsageError
from propago.jobs.train import train
from propago.nn.weights import load_weights
from propago.pipeline import segment_frames
from propago.refinement.spn.run import Spn
from propago.training import predictions
from propago.training.plans import plan_for
from propago.training.predictions import foreground_objects, predicted_objects
from propago.training.recipe import read_recipe
from propago.training.sources import clip_sampler, crop_sampler

TINY = """
method = "spn"
steps = 2
seed = 3
[clips]
height = 32
width = 32
batch = 2
[data]
synthetic = 0
davis = 1
davis_set = "some"
[validation]
davis_set = "some"
frames = 2
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def test_a_recipe_becomes_weights_that_load_and_a_card(data, recipe, tmp_path):
    trained = train(recipe, data=data, out=tmp_path / "run", workers=0)
    assert load_weights(trained.weights, "spn/compact").about["licence"] == "Apache-2.0"
    coarse = torch.rand(1, 40, 50)
    assert Spn.load(trained.weights).refine(torch.rand(3, 40, 50), coarse).shape == coarse.shape
    card = trained.card.read_text()
    assert "2 crops of the `some` sequences: J 0." in card
    assert "encoder: EfficientNet-Lite0, untrained at first" in card
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 2
    assert {"val_j_before", "val_j_after", "val_f_2px_after", "j_before"} <= set(last)


def test_an_encoder_that_does_not_learn_is_frozen(data, recipe, tmp_path):
    chosen = read_recipe(recipe)
    share = replace(chosen.optimisation, pretrained_share=0.0)
    for one, learns in ((chosen, True), (replace(chosen, optimisation=share), False)):
        net = plan_for(one, data, tmp_path).objective.net
        assert all(p.requires_grad is learns for p in net.pretrained.parameters())
        assert all(p.requires_grad for p in net.guidance.gates.parameters())


def test_crops_of_what_the_default_method_says_are_made_once(data, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "EVERY_FRAMES", 1)
    chosen = read_recipe(recipe)
    chosen = replace(chosen, data=replace(chosen.data, davis=0.0, predicted=1.0))
    crop = crop_sampler(chosen, data, tmp_path).sample(np.random.default_rng(0))
    assert crop.coarse.shape == (32, 32)
    assert ((crop.coarse > 0.5) == (crop.truth == 1)).mean() > 0.7
    followed = []

    def counted(source, *arguments, **options):
        followed.append(source.name)
        return segment_frames(source, *arguments, **options)

    monkeypatch.setattr(predictions, "segment_frames", counted)
    crop_sampler(chosen, data, tmp_path)
    assert followed == []
    by_others = replace(chosen.data, predicted_by="default")
    crop_sampler(replace(chosen, data=by_others), data, tmp_path)
    monkeypatch.setattr(predictions, "EVERY_FRAMES", 2)
    with pytest.raises(SourceError, match="no picture"):
        crop_sampler(chosen, data, tmp_path)
    assert followed == ["bear", "bear"]


def test_the_foreground_network_is_asked_once_about_frames_with_one_object(
    data, tmp_path, monkeypatch
):
    monkeypatch.setattr(predictions, "EVERY_FRAMES", 1)
    found = foreground_objects(data / "davis", "some", tmp_path)
    assert found
    for one in found:
        image, ids = read_still(one.still)
        assert set(np.unique(ids)) - {0, 255} == {one.id}
        assert cv2.imread(str(one.scores), cv2.IMREAD_GRAYSCALE).shape == image.shape[:2]
    monkeypatch.setattr(predictions, "foreground_probability", None)
    assert foreground_objects(data / "davis", "some", tmp_path) == found


def test_what_was_begun_with_something_else_is_no_prediction(data, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "EVERY_FRAMES", 1)
    arguments = (data / "davis", "some", "synthetic", tmp_path)
    (found,) = predicted_objects(*arguments)
    folder = found.scores.parent
    begun = folder.with_name("bear.begun")
    folder.rename(begun)
    (begun / "00001-9.png").touch()
    assert predicted_objects(*arguments) == [found]
    assert not begun.exists()


def test_what_cannot_be_trained_is_said(data, recipe, tmp_path):
    chosen = read_recipe(recipe)
    with pytest.raises(UsageError, match="spn and seg_with_spn with presets compact and paper"):
        plan_for(replace(chosen, method="rgmp"), data, tmp_path)
    with pytest.raises(UsageError, match=r"data\.synthetic is 0"):
        crop_sampler(replace(chosen, data=replace(chosen.data, synthetic=0.5)), data, tmp_path)
    with pytest.raises(UsageError, match=r"data\.predicted = 0\.5 is for the method spn"):
        clip_sampler(replace(chosen, data=replace(chosen.data, predicted=0.5)), data)
    with pytest.raises(SourceError, match="coco"):
        crop_sampler(replace(chosen, data=replace(chosen.data, coco=0.5)), data, tmp_path)


@pytest.mark.parametrize("budget", [{"minutes": 0}, {"steps": 0}, {"minutes": -1.0}])
def test_a_budget_is_above_nothing(budget, data, recipe, tmp_path):
    with pytest.raises(UsageError, match="above 0"):
        train(recipe, data=data, out=tmp_path / "run", **budget)
