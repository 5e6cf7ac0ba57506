import pytest
import torch
from torch import nn

from propago.adaptation.adaptation import Adaptation
from propago.adaptation.budget import Budget
from propago.adaptation.cache import AdaptedCache
from propago.adaptation.online import TuneSettings

BUDGET = Budget(steps=3)


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(2, 1)


def tensors(adaptation, parent=None, parts=("frame",), settings=None):
    return adaptation.tensors(
        "object 1",
        parent or net(),
        parts,
        tuned=lambda name: name == "weight",
        loss=lambda own, x: own(x).square().mean(),
        draw=lambda rng: torch.from_numpy(rng.normal(size=(4, 2))).float(),
        settings=settings or TuneSettings(),
    )


def test_a_second_run_finds_what_the_first_made(tmp_path):
    told, made = [], []
    adaptation = Adaptation(
        BUDGET,
        AdaptedCache(tmp_path),
        lambda *state: told.append(state),
        lambda *result: made.append(result),
    )
    first = tensors(adaptation)
    ((what, result),) = made
    assert (what, result.steps) == ("object 1", 3)
    assert result.tensors is first
    assert [(what, step) for what, step, _, _ in told] == [("object 1", s) for s in (1, 2, 3)]
    second = tensors(adaptation)
    assert (len(told), len(made)) == (3, 1)
    assert list(first) == list(second) == ["weight"]
    assert torch.equal(first["weight"], second["weight"])


def test_whatever_decides_the_result_is_in_the_key(tmp_path):
    cache = AdaptedCache(tmp_path)
    adaptation = Adaptation(BUDGET, cache)
    tensors(adaptation)
    tensors(adaptation, parts=("another frame",))
    tensors(adaptation, parent=net(1))
    tensors(adaptation, settings=TuneSettings(seed=1))
    tensors(Adaptation(Budget(steps=4), cache))
    assert cache.contents()[0] == 5
    tensors(adaptation)
    assert cache.contents()[0] == 5


def test_an_interrupted_one_goes_on(tmp_path):
    def interrupted(_, step, *__):
        if step == 2:
            raise KeyboardInterrupt

    cache, told = AdaptedCache(tmp_path), []
    with pytest.raises(KeyboardInterrupt):
        tensors(Adaptation(BUDGET, cache, interrupted))
    resumed = tensors(Adaptation(BUDGET, cache, lambda *state: told.append(state)))
    assert len(told) == 1
    assert cache.contents()[0] == 1
    whole = tensors(Adaptation(BUDGET, AdaptedCache(tmp_path / "other")))
    assert torch.equal(resumed["weight"], whole["weight"])
