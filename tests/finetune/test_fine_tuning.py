import pytest
import torch
from torch import nn

from propago.clock import Clock
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneSettings

BUDGET = Budget(steps=3)


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(2, 1)


def tensors(finetune, parent=None, parts=("frame",), settings=None):
    return finetune.tensors(
        "object 1",
        parent or net(),
        parts,
        trainable=lambda name: name == "weight",
        loss=lambda own, x: own(x).square().mean(),
        draw=lambda rng: torch.from_numpy(rng.normal(size=(4, 2))).float(),
        settings=settings or FineTuneSettings(),
    )


def test_a_second_run_finds_what_the_first_made(tmp_path):
    told, clock = [], Clock()
    finetune = FineTuning(
        BUDGET,
        FineTuneCache(tmp_path),
        lambda *state: told.append(state),
        clock,
    )
    first = tensors(finetune)
    assert clock.counts == {"finetune object 1": 1}
    assert [(what, step) for what, step, _, _ in told] == [("object 1", s) for s in (1, 2, 3)]
    second = tensors(finetune)
    assert (len(told), clock.counts) == (3, {"finetune object 1": 1})
    assert list(first) == list(second) == ["weight"]
    assert torch.equal(first["weight"], second["weight"])


def test_whatever_decides_the_result_is_in_the_key(tmp_path):
    cache = FineTuneCache(tmp_path)
    finetune = FineTuning(BUDGET, cache)
    tensors(finetune)
    tensors(finetune, parts=("another frame",))
    tensors(finetune, parent=net(1))
    tensors(finetune, settings=FineTuneSettings(seed=1))
    tensors(FineTuning(Budget(steps=4), cache))
    assert cache.contents()[0] == 5
    tensors(finetune)
    assert cache.contents()[0] == 5


def test_an_interrupted_one_goes_on(tmp_path):
    def interrupted(_, step, *__):
        if step == 2:
            raise KeyboardInterrupt

    cache, told = FineTuneCache(tmp_path), []
    with pytest.raises(KeyboardInterrupt):
        tensors(FineTuning(BUDGET, cache, interrupted))
    clock = Clock()
    with clock.of("update"):
        resumed = tensors(FineTuning(BUDGET, cache, lambda *state: told.append(state), clock))
    assert len(told) == 1
    assert clock.seconds["update"] >= 0  # what was spent before the interruption is not taken off
    assert cache.contents()[0] == 1
    whole = tensors(FineTuning(BUDGET, FineTuneCache(tmp_path / "other")))
    assert torch.equal(resumed["weight"], whole["weight"])


def test_without_a_cache_nothing_is_written_and_the_weights_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("PROPAGO_CACHE", str(tmp_path / "users"))
    alone = tensors(FineTuning(BUDGET))
    kept = tensors(FineTuning(BUDGET, FineTuneCache(tmp_path / "mine")))
    assert torch.equal(alone["weight"], kept["weight"])
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
