import json
from dataclasses import replace

import pytest
import torch

from propago.errors import SourceError, UsageError
from propago.jobs.train import train
from propago.nn.weights import load_weights
from propago.refinement.spn.run import Spn
from propago.training.recipe import Validation, read_recipe

TINY = """
method = "spn"
steps = 2
seed = 3
[optimisation]
batch = 2
[task]
height = 32
width = 32
[data.davis]
weight = 1
set = "some"
[validation]
davis_set = "some"
frames = 3
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
    assert "3 crops of the `some` sequences: J 0." in card
    assert "encoder: EfficientNet-Lite0, untrained at first" in card
    assert "data (share of the examples): davis 1" in card
    assert "recipe: one's own, `recipe` in the metadata of the weights file" in card
    assert json.loads(load_weights(trained.weights).about["recipe"])["seed"] == 3
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 2
    assert {"val_j_before", "val_j_after", "val_f_2px_after", "j_before"} <= set(last)


def test_a_run_with_other_data_is_not_gone_on_with(data, recipe, tmp_path):
    chosen = read_recipe(recipe)
    train(chosen, data=data, out=tmp_path / "run", workers=0)
    twice = replace(chosen, data={**chosen.data, "davis": {"weight": 2, "set": "some"}})
    with pytest.raises(UsageError, match=r"data\.davis\.weight = 1, now 2"):
        train(twice, data=data, out=tmp_path / "run", workers=0)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"data": {"synthetic": 1.0}}, UsageError, "rendered clips have no pictures"),
        ({"data": {"coco": 0.5}}, SourceError, "trains on coco"),
        ({"validation": Validation("other")}, SourceError, "no list other"),
        ({"data": {}}, UsageError, "a mixture needs weights"),
        ({"method": "first_mask"}, UsageError, "first_mask cannot be trained; there are feelvos"),
        ({"method": "rgmp"}, UsageError, "task is .*; training rgmp takes RgmpTraining"),
        ({"init": "spn-compact", "method": "feelvos", "task": None}, UsageError, "no clips"),
    ],
)
def test_what_cannot_be_trained_is_said(changes, error, says, data, recipe, tmp_path):
    if "init" in changes:
        said = {"weight": 1, "path": "said", "set": "some"}
        (data / "said" / "bear").mkdir(parents=True)
        torch.save({}, data / "said" / "bear" / "x.npy")
        changes = changes | {"data": {"soft_masks": said}}
    with pytest.raises(error, match=says):
        train(replace(read_recipe(recipe), **changes), data=data, out=tmp_path / "run")


def test_crops_are_squares(data, recipe, tmp_path):
    chosen = read_recipe(recipe)
    wide = replace(chosen, task=replace(chosen.task, width=64))
    with pytest.raises(UsageError, match="height 32, width 64: crops are squares"):
        train(wide, data=data, out=tmp_path / "run")


@pytest.mark.parametrize("budget", [{"minutes": 0}, {"steps": 0}, {"minutes": -1.0}])
def test_a_budget_is_above_nothing(budget, data, recipe, tmp_path):
    with pytest.raises(UsageError, match="above 0"):
        train(recipe, data=data, out=tmp_path / "run", **budget)
