"""Weights that are kept lie between those that a training began with and those it ended with."""

from dataclasses import dataclass, replace

import torch
from safetensors.torch import load_file
from torch import nn

from propago.data.task import TrainingTask
from propago.jobs.train import train
from propago.training.optimisation import Optimisation
from propago.training.recipe import Recipe


@dataclass(frozen=True)
class NoSettings:
    """Nothing to be set."""


class Zeros:
    def sample(self, rng):
        return torch.zeros(1)


class Away(nn.Module):
    """Pushes the weights up, the batch norm's with them."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, batch, seed):
        loss = -sum(parameter.sum() for parameter in self.net.parameters())
        return loss, {"loss": loss.item()}


def task(settings: NoSettings, sources) -> TrainingTask:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    return TrainingTask("toy", net, Away(net), Zeros(), collate=list)


def test_a_quarter_of_the_way(tmp_path):
    optimisation = Optimisation(learning_rate=0.1, warmup_steps=0, ema_decay=0.0)
    recipe = Recipe("toy", method=task, steps=3, optimisation=optimisation)
    torch.manual_seed(recipe.seed)
    start = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).state_dict()
    part = replace(recipe, taken=0.25)
    all_of_it, quarter = (
        train(one, out=tmp_path / str(one.taken), workers=0) for one in (recipe, part)
    )
    ended, kept = load_file(all_of_it.weights), load_file(quarter.weights)
    for name, value in kept.items():
        expected = start[name] + 0.25 * (ended[name] - start[name])
        assert torch.allclose(value.float(), expected.float(), atol=2e-3), name  # float16 in files
    assert (ended["0.weight"] - start["0.weight"]).abs().min() > 0.05
    assert "0.25 of the way" in quarter.card.read_text()
    assert "of the way" not in all_of_it.card.read_text()
    between = replace(part, taken_from=str(all_of_it.weights))
    mixed = load_file(train(between, out=tmp_path / "between", workers=0).weights)
    assert all(torch.allclose(mixed[name], ended[name], atol=2e-3) for name in ended)
