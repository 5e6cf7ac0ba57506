import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from propago.errors import OutputError, PropagoWarning, UsageError
from propago.finetune import loop, unfinished
from propago.finetune.budget import Budget
from propago.finetune.loop import FineTuneSettings, fine_tune

TRUTH = torch.tensor([[1.0, -2.0, 0.5]])
SETTINGS = FineTuneSettings(learning_rate=0.05, check_every_steps=5, patience=1000)


class Tiny(nn.Module):
    """A line after a batch norm whose statistics must stand still."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.BatchNorm1d(3)
        self.head = nn.Linear(3, 1)
        self.other = nn.Linear(3, 1)

    def forward(self, x):
        return self.head(self.norm(x)) + self.other(x)


def draw(rng):
    x = torch.from_numpy(rng.normal(size=(16, 3)).astype(np.float32))
    return x, x @ TRUTH.T


def loss(net, batch):
    x, y = batch
    return (net(x) - y).square().mean()


def tune(net, **changes):
    given = {
        "trainable": lambda name: name.startswith("head."),
        "loss": loss,
        "draw": draw,
        "settings": SETTINGS,
        "budget": Budget(steps=30),
    }
    return fine_tune(net, **(given | changes))


def same(a, b):
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


def state_of(net):
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def test_it_learns_and_the_parent_never_changes():
    net = Tiny().train().requires_grad_(False)
    before = state_of(net)
    with torch.no_grad():
        result = tune(net, budget=Budget(steps=150))
    assert same(before, state_of(net))
    assert net.training
    assert not any(p.requires_grad or p.grad is not None for p in net.parameters())
    assert set(result.tensors) == {"head.weight", "head.bias"}
    assert result.loss < 0.1 * result.history[0][2]


def test_fine_tuning_one_object_never_changes_another():
    net = Tiny()
    first = tune(net)
    kept = {name: tensor.clone() for name, tensor in first.tensors.items()}
    second = tune(net, loss=lambda net, batch: loss(net, (batch[0], -batch[1])))
    assert same(kept, first.tensors)
    assert not same(first.tensors, second.tensors)
    assert same(first.tensors, tune(net).tensors)


def test_the_step_budget_is_exact_and_progress_tells_it():
    told = []
    result = tune(Tiny(), budget=Budget(steps=13), progress=lambda *state: told.append(state))
    assert result.steps == 13
    assert [step for step, _, _ in told] == list(range(1, 14))
    assert told[-1][1] == 1
    assert all(math.isfinite(running) for _, _, running in told)
    assert [step for step, _, _ in result.history] == [0, 5, 10, 13]


def test_the_result_is_the_best_of_what_was_checked():
    result = tune(Tiny(), settings=replace(SETTINGS, learning_rate=1.0), budget=Budget(steps=25))
    assert result.loss == min(loss for _, _, loss in result.history)
    net = Tiny().eval()
    net.load_state_dict(result.tensors, strict=False)
    rngs = [np.random.default_rng((0, 1, i)) for i in range(4)]
    with torch.no_grad():
        held_out = [float(loss(net, draw(rng))) for rng in rngs]
    assert np.mean(held_out) == pytest.approx(result.loss)


def test_it_stops_when_nothing_gets_better():
    flat = Tiny()
    flat.head.weight.data.zero_()
    result = tune(
        flat,
        loss=lambda net, batch: net.head.weight.square().sum(),
        settings=replace(SETTINGS, patience=3),
        budget=Budget(steps=1000),
    )
    assert result.steps == 15
    assert result.loss == 0


def test_a_loss_that_is_not_finite_ends_it_with_weights_that_are():
    def breaks(net, batch):
        return loss(net, batch) * (math.nan if net.head.weight.detach()[0, 0] > 0.5 else 1)

    result = tune(Tiny(), loss=breaks, settings=replace(SETTINGS, learning_rate=0.2))
    assert result.steps < 30
    assert all(bool(t.isfinite().all()) for t in result.tensors.values())
    never = tune(Tiny(), loss=lambda net, batch: loss(net, batch) * math.nan)
    assert never.steps == 0
    assert same(never.tensors, {n: t for n, t in Tiny().state_dict().items() if "head" in n})


def test_draws_of_a_batch_are_averaged():
    settings = replace(SETTINGS, batch=4, warmup_steps=0)
    seen = []

    def once(rng):
        made = draw(rng)
        seen.append(made)
        return made

    result = tune(Tiny(), draw=once, settings=settings, budget=Budget(steps=1))
    net = Tiny().eval()
    optimiser = torch.optim.Adam(net.head.parameters(), 0.05)
    torch.stack([loss(net, batch) for batch in seen[4:]]).mean().backward()
    optimiser.step()
    assert len(seen) == 8
    assert result.loss < result.history[0][2]
    assert torch.allclose(net.head.weight, result.tensors["head.weight"], atol=1e-6)


@pytest.mark.parametrize("at", [1, 5, 12])
def test_an_interrupted_one_ends_as_if_it_had_never_stopped(tmp_path, at):
    def interrupted(step, *_):
        if step == at:
            raise KeyboardInterrupt

    unfinished = tmp_path / "k.unfinished.safetensors"
    with pytest.raises(KeyboardInterrupt):
        tune(Tiny(), unfinished=unfinished, progress=interrupted)
    assert unfinished.exists()
    steps = []
    resumed = tune(Tiny(), unfinished=unfinished, progress=lambda step, *_: steps.append(step))
    whole = tune(Tiny())
    assert steps == list(range(at + 1, 31))
    assert not unfinished.exists()
    assert same(resumed.tensors, whole.tensors)
    assert resumed.loss == whole.loss
    assert [(s, v) for s, _, v in resumed.history] == [(s, v) for s, _, v in whole.history]


def test_an_interruption_within_a_check_or_a_loss_is_gone_on_with(tmp_path):
    calls = []

    def interrupts(net, batch):
        calls.append(1)
        if len(calls) == 4 + 7:  # the seventh call after the first check
            raise KeyboardInterrupt
        return loss(net, batch)

    unfinished = tmp_path / "p"
    for _ in range(2):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            tune(Tiny(), loss=interrupts, unfinished=unfinished)
    assert same(tune(Tiny(), unfinished=unfinished).tensors, tune(Tiny()).tensors)


@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_a_damaged_file_is_begun_again(tmp_path, content):
    unfinished = tmp_path / "p"
    unfinished.write_bytes(content)
    assert same(tune(Tiny(), unfinished=unfinished).tensors, tune(Tiny()).tensors)


def test_a_file_of_another_network_is_begun_again(tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    unfinished = tmp_path / "p"
    with pytest.raises(KeyboardInterrupt):
        tune(Tiny(), unfinished=unfinished, trainable=lambda name: "other" in name, progress=stop)
    assert same(tune(Tiny(), unfinished=unfinished).tensors, tune(Tiny()).tensors)


class Clock:
    """A wall clock on which every loss takes 2 s and all else nothing."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        for module in (loop, unfinished):
            monkeypatch.setattr(module, "monotonic", lambda: self.now)

    def loss(self, net, batch):
        self.now += 2
        return loss(net, batch)


def test_the_time_budget_holds_with_its_last_check(monkeypatch):
    clock = Clock(monkeypatch)
    result = tune(Tiny(), loss=clock.loss, budget=Budget(seconds=60))
    assert clock.now - 100 == result.seconds
    assert 60 <= result.seconds <= 62
    # checks of 8 s at 0, 5, 10 and the end leave 28 s for steps of 2 s
    assert result.steps == 14
    assert [step for step, _, _ in result.history] == [0, 5, 10, 14]


def test_the_time_of_an_interrupted_one_counts(monkeypatch, tmp_path):
    clock = Clock(monkeypatch)

    def interrupted(step, *_):
        if step == 6:
            raise KeyboardInterrupt

    options = {"loss": clock.loss, "budget": Budget(seconds=60), "unfinished": tmp_path / "p"}
    with pytest.raises(KeyboardInterrupt):
        tune(Tiny(), progress=interrupted, **options)
    clock.now += 1000
    result = tune(Tiny(), **options)
    assert (result.steps, result.seconds) == (14, 60)


def test_it_is_saved_now_and_then(monkeypatch, tmp_path):
    clock, written = Clock(monkeypatch), []
    monkeypatch.setattr(unfinished, "save_state", lambda path, state: written.append(state.step))
    tune(Tiny(), loss=clock.loss, unfinished=tmp_path / "p", budget=Budget(steps=20))
    assert written == [1, 6, 11, 16]


def test_a_full_disk_warns_once_and_the_fine_tuning_goes_on(monkeypatch, tmp_path):
    clock = Clock(monkeypatch)

    def full(path, state):
        raise OutputError("no space left")

    monkeypatch.setattr(unfinished, "save_state", full)
    with pytest.warns(PropagoWarning, match="no space left") as said:
        result = tune(Tiny(), loss=clock.loss, unfinished=tmp_path / "p")
    assert len(said) == 1
    assert same(result.tensors, tune(Tiny()).tensors)


def test_learning_rates_by_hand():
    cosine = FineTuneSettings(learning_rate=1.0, warmup_steps=4)
    assert [cosine.rate(step, 0) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert cosine.rate(9, 0.5) == pytest.approx(0.5)
    assert cosine.rate(9, 1) == pytest.approx(0)
    halving = FineTuneSettings(learning_rate=1.0, warmup_steps=0, schedule="halving")
    spent = [0, 0.33, 0.34, 0.66, 0.67, 1]
    assert [halving.rate(9, share) for share in spent] == [1, 1, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"patience": 0}, {"learning_rate": 0}, {"seed": -1}, {"schedule": "x"}]
)
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        FineTuneSettings(**wrong)


def test_nothing_to_tune_is_refused():
    with pytest.raises(UsageError, match="no parameter"):
        tune(Tiny(), trainable=lambda name: False)
