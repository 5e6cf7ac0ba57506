import json
from dataclasses import replace

import numpy as np
import pytest

from propago.data.clips import Clip
from propago.errors import UsageError
from propago.jobs.train import train
from propago.methods.seg_with_spn.net import PRESETS, SegNet
from propago.methods.seg_with_spn.objective import SegObjective
from propago.methods.seg_with_spn.train import collate
from propago.nn.weights import fill, load_weights
from propago.training.recipe import read_recipe

TINY = """
method = "seg_with_spn"
steps = 4
seed = 3
save_every_s = 0
[optimisation]
batch = 2
[task]
height = 32
width = 48
[data]
synthetic = 0.3
davis = { weight = 1, set = "some" }
[validation]
davis_set = "some"
frames = 3
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


def test_batches_hold_the_foreground():
    images = np.zeros((1, 2, 3, 3), np.uint8)
    labels = np.array([[[0, 1, 2], [255, 0, 7]]], np.uint8)
    batch = collate([Clip(images, labels), Clip(images, 0 * labels)])
    assert batch.images.shape == (2, 3, 2, 3)
    assert batch.truth.tolist() == [[[0, 1, 1], [255, 0, 1]], [[0, 0, 0], [0, 0, 0]]]


def test_soft_masks_are_no_pictures(data, recipe, tmp_path):
    folder = tmp_path / "said" / "bear"
    folder.mkdir(parents=True)
    np.save(folder / "00001.npy", np.zeros((1, 60, 80), np.float32))
    said = {"weight": 1, "path": str(tmp_path / "said"), "set": "some", "every": 1}
    with pytest.raises(UsageError, match="soft masks have no pictures"):
        train(replace(read_recipe(recipe), data={"soft_masks": said}), data=data, out=tmp_path)
