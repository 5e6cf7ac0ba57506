import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from propago.errors import UsageError
from propago.jobs.train import train
from propago.methods.seg_with_spn.net import PRESETS, SegNet
from propago.methods.seg_with_spn.objective import SegObjective
from propago.nn.weights import fill, load_weights
from propago.training.plans import plan_for
from propago.training.recipe import read_recipe
from propago.training.sources import picture_sampler

TINY = """
method = "seg_with_spn"
steps = 4
seed = 3
save_every_s = 0
[clips]
height = 32
width = 48
batch = 2
[data]
synthetic = 0.3
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


def test_an_interrupted_training_ends_as_an_unbroken_one(data, recipe, tmp_path, monkeypatch):
    whole = train(recipe, data=data, out=tmp_path / "whole", workers=0)
    with monkeypatch.context() as patched:
        patched.setattr(SegObjective, "forward", interrupted_at(3))
        with pytest.raises(KeyboardInterrupt):
            train(recipe, data=data, out=tmp_path / "parts", workers=0)
    parts = train(recipe, data=data, out=tmp_path / "parts", workers=0)
    loaded, unbroken = (
        load_weights(run.weights, PRESETS["compact"].network) for run in (parts, whole)
    )
    assert loaded.sha256 == unbroken.sha256
    fill(SegNet(), loaded)


def test_the_log_and_the_card_say_how_good_it_is(data, recipe, tmp_path):
    trained = train(recipe, data=data, out=tmp_path / "run", workers=0)
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 4
    assert {"loss", "entropy", "overlap", "val_j_mean", "val_j_bear"} <= set(last)
    assert "J of the foreground in 1 frames of the `some` sequences" in trained.card.read_text()


def interrupted_at(step):
    """`SegObjective.forward`, which stops the program at its call number `step`."""
    forward, calls = SegObjective.forward, []

    def counted(self, batch, seed):
        calls.append(seed)
        if len(calls) == step:
            raise KeyboardInterrupt
        return forward(self, batch, seed)

    return counted


def test_batches_hold_the_foreground(data, recipe, tmp_path):
    examples = plan_for(read_recipe(recipe), data, tmp_path).examples
    image, truth = examples.draw(np.random.default_rng(0))
    assert image.shape == (3, 32, 48)
    assert truth.shape == (32, 48)
    assert set(np.unique(truth)) <= {0, 1, 255}
    batch = examples.batch([torch.from_numpy(image)[None], torch.from_numpy(truth)[None]])
    assert batch.images.shape == (1, 3, 32, 48)


def test_the_shipped_recipe_is_of_this_network():
    recipe = read_recipe("seg-with-spn-foreground")
    assert (recipe.method, recipe.preset) == ("seg_with_spn", "compact")
    assert recipe.licence == "CC-BY-NC-4.0"


def test_what_a_method_said_is_no_picture(data, recipe):
    chosen = read_recipe(recipe)
    with pytest.raises(UsageError, match=r"data\.predicted = 0\.5 is for the method spn"):
        picture_sampler(replace(chosen, data=replace(chosen.data, predicted=0.5)), data)
