import pytest
import torch
from torch import nn

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
        tuned=lambda name: name == "weight",
        loss=lambda own, x: own(x).square().mean(),
        draw=lambda rng: torch.from_numpy(rng.normal(size=(4, 2))).float(),
        settings=settings or FineTuneSettings(),
    )


def test_a_second_run_finds_what_the_first_made(tmp_path):
    told, made = [], []
    finetune = FineTuning(
        BUDGET,
        FineTuneCache(tmp_path),
        lambda *state: told.append(state),
        lambda *result: made.append(result),
    )
    first = tensors(finetune)
    ((what, result),) = made
    assert (what, result.steps) == ("object 1", 3)
    assert result.tensors is first
    assert [(what, step) for what, step, _, _ in told] == [("object 1", s) for s in (1, 2, 3)]
    second = tensors(finetune)
    assert (len(told), len(made)) == (3, 1)
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
    resumed = tensors(FineTuning(BUDGET, cache, lambda *state: told.append(state)))
    assert len(told) == 1
    assert cache.contents()[0] == 1
    whole = tensors(FineTuning(BUDGET, FineTuneCache(tmp_path / "other")))
    assert torch.equal(resumed["weight"], whole["weight"])
