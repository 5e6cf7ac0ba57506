import json
import signal
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from propago.data.synthetic import SyntheticClips
from propago.data.task import TrainingTask
from propago.errors import OutputError
from propago.finetune.budget import Budget
from propago.methods.feelvos.net import FeelvosConfig, FeelvosNet
from propago.methods.feelvos.objective import FeelvosObjective
from propago.methods.feelvos.train import collate
from propago.training.checkpoint import CheckpointFile
from propago.training.fit import Watch, _warmed_up_average, fit
from propago.training.optimisation import Optimisation

SMALL = FeelvosConfig(embedding_channels=16, head_width=16, refine_widths=(8, 8), features=16)
CLIPS = SyntheticClips(size=(32, 32), frames=2, max_objects=2)


def train(folder, objective=FeelvosObjective, every_s=0.0, on_step=None, **settings):
    torch.manual_seed(3)
    net = FeelvosNet(SMALL)
    task = TrainingTask("feelvos", net, objective(net), CLIPS, collate)
    file = CheckpointFile(folder, every_s=every_s)
    budget, watch = Budget(steps=4), Watch(on_step=on_step)
    optimisation = Optimisation(batch=2, **settings)
    return fit(task, optimisation, budget, file, seed=3, workers=0, watch=watch).net


def seeing(seen):
    """An objective that notes whether it computes in a lower precision."""

    class Seeing(FeelvosObjective):
        def forward(self, batch, seed):
            seen.append(torch.is_autocast_enabled("cpu"))
            return super().forward(batch, seed)

    return Seeing


def last_loss(folder):
    return json.loads((folder / "log.jsonl").read_text().splitlines()[-1])["loss"]


class Whole(NamedTuple):
    """An unbroken run: its weights, its last loss, whether each step was in lower precision."""

    weights: dict[str, torch.Tensor]
    loss: float
    lower: list[bool]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder, seen = tmp_path_factory.mktemp("whole"), []
    return Whole(train(folder, seeing(seen)).state_dict(), last_loss(folder), seen)


def test_a_resumed_run_ends_where_an_unbroken_one_does(whole, tmp_path):
    folder = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        train(folder, Breaking)
    resumed = train(folder)
    for a, b in zip(whole.weights.values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 4


def test_ctrl_c_waits_for_the_step_and_keeps_it(whole, tmp_path):
    """Between two writes, as in the first minutes; the message says how far it is."""
    heard = []

    class Interrupted(FeelvosObjective):
        def forward(self, batch, seed):
            if len(heard) == 3:  # during the third step
                signal.raise_signal(signal.SIGINT)
            return super().forward(batch, seed)

    def on_step(*told):
        heard.append(told)

    with pytest.raises(KeyboardInterrupt, match=r"3 steps are kept in .*last\.pt"):
        train(tmp_path, Interrupted, every_s=1e9, on_step=on_step)
    assert heard == [(n, n / 4, "training") for n in range(3)]
    resumed = train(tmp_path)
    for a, b in zip(whole.weights.values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_ctrl_c_before_the_first_step_keeps_nothing(tmp_path):
    class Interrupted(FeelvosObjective):
        def forward(self, batch, seed):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Interrupted, every_s=1e9)
    assert not (tmp_path / "last.pt").exists()


class Breaking(FeelvosObjective):
    """Stops like a user's Ctrl-C at the start of the third step."""

    left = 2

    def forward(self, batch, seed):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().forward(batch, seed)


class Line(nn.Module):
    """Two weights whose gradient is always 1."""

    def __init__(self):
        super().__init__()
        self.net = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in "ab"})

    def forward(self, batch, seed):
        loss = sum(p for p in self.net.values() if p.requires_grad)
        return loss, {"loss": loss.item()}


class Nothing:
    """Draws nothing."""

    def sample(self, rng):
        return np.zeros(1)


def fitted(tmp_path, groups, **settings):
    line = Line()
    task = TrainingTask("line", line.net, line, Nothing(), list, groups and groups(line.net))
    plain = {"weight_decay": 0.0, "warmup_steps": 0, "learning_rate": 0.1, "ema_decay": 0.0}
    optimisation = Optimisation(**{"optimiser": "sgd", "momentum": 0.0} | plain | settings)
    file = CheckpointFile(tmp_path)
    fit(task, optimisation, Budget(steps=2), file, workers=0)
    return {name: p.item() for name, p in line.net.items()}


def test_groups_learn_at_their_share_of_the_rate(tmp_path):
    def groups(net):
        return [
            {"params": [net["a"]], "lr_scale": 1.0},
            {"params": [net["b"]], "lr_scale": 0.5},
        ]

    ends = fitted(tmp_path, groups, schedule="poly", power=1.0, clip_norm=100.0)
    assert ends == pytest.approx({"a": -0.15, "b": -0.075})


def test_a_group_of_share_0_is_frozen(tmp_path):
    def groups(net):
        return [{"params": [net[n]], "lr_scale": float(n == "a")} for n in "ab"]

    ends = fitted(tmp_path, groups, optimiser="adamw", weight_decay=0.5)
    assert ends["a"] < 0
    assert ends["b"] == 0


def test_without_groups_all_learn_alike(tmp_path):
    ends = fitted(tmp_path, None, schedule="step", milestones=(0.4,), clip_norm=100.0)
    assert ends == pytest.approx({"a": -0.11, "b": -0.11})


def test_a_run_of_another_optimiser_is_not_gone_on_with(tmp_path):
    fitted(tmp_path, None, optimiser="adamw")
    with pytest.raises(OutputError, match="cannot be gone on with"):
        fitted(tmp_path, lambda net: [{"params": [net["a"]], "lr_scale": 1.0}])


def test_the_average_soon_forgets_the_untrained_weights():
    average = _warmed_up_average(0.998)
    mean = torch.tensor(1.0)
    for count in range(1, 101):
        mean = average(mean, torch.tensor(0.0), torch.tensor(count))
    assert mean < 0.001


class Squares(nn.Module):
    """A weight that learns the mean of what it sees."""

    def __init__(self):
        super().__init__()
        self.net = nn.ParameterDict({"a": nn.Parameter(torch.tensor(4.0))})

    def forward(self, batch, seed):
        loss = (self.net["a"] - torch.as_tensor(np.array(batch))).square().mean()
        return loss, {"loss": loss.item()}


class Numbers:
    """Draws numbers by chance."""

    def sample(self, rng):
        return rng.normal()


PLAIN = {
    "optimiser": "sgd",
    "warmup_steps": 0,
    "learning_rate": 0.1,
    "ema_decay": 0.0,
    "weight_decay": 0.0,
}


def learnt(folder, steps=6, **settings):
    squares = Squares()
    task = TrainingTask("squares", squares.net, squares, Numbers(), list)
    optimisation = Optimisation(**{**PLAIN, **settings})
    file = CheckpointFile(folder, every_s=0.0)
    return float(fit(task, optimisation, Budget(steps=steps), file, workers=0).net["a"].detach())


def test_batches_that_are_accumulated_are_one_large_batch(tmp_path):
    whole = learnt(tmp_path / "whole", batch=6)
    small = learnt(tmp_path / "small", batch=2, accumulate=3)
    assert small == pytest.approx(whole, rel=1e-6)
    assert small != pytest.approx(learnt(tmp_path / "fewer", batch=2), rel=1e-3)


def test_a_run_that_accumulates_goes_on_with_the_next_examples(tmp_path):
    def stops(step, spent, doing):
        if step == 3:
            raise KeyboardInterrupt

    whole = learnt(tmp_path / "whole", batch=2, accumulate=2)
    squares = Squares()
    task = TrainingTask("squares", squares.net, squares, Numbers(), list)
    settings = Optimisation(**PLAIN, batch=2, accumulate=2)
    file = CheckpointFile(tmp_path / "broken", every_s=0.0)
    with pytest.raises(KeyboardInterrupt):
        fit(task, settings, Budget(steps=6), file, workers=0, watch=Watch(on_step=stops))
    assert learnt(tmp_path / "broken", batch=2, accumulate=2) == whole


def test_bfloat16_learns_nearly_the_same(whole, tmp_path):
    """The layers compute in it, the weights stay float32."""
    lower = []
    net = train(tmp_path, seeing(lower), precision="bfloat16")
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    assert (whole.lower, lower) == ([False] * 4, [True] * 4)
    assert last_loss(tmp_path) == pytest.approx(whole.loss, rel=0.02)
