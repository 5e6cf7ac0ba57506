"""A network of one's own is trained: a file like this one, passed as an object."""

import json
from dataclasses import dataclass

import torch
from torch import nn

import propago


@dataclass(frozen=True)
class CountSettings:
    """A table `[task]` of a TOML recipe would fill it."""

    most: int = 5


class Scenes:
    """Draws scenes: up to `most` boxes (N, 4), and the class of each."""

    def __init__(self, most):
        self.most = most

    def sample(self, rng):
        count = int(rng.integers(1, self.most + 1))
        boxes = torch.from_numpy(rng.random((count, 4), "float32"))
        return {"boxes": boxes, "classes": (boxes[:, 0] > 0.5).long()}


class Objective(nn.Module):
    """Cross-entropy of the class of each box, in scenes with as many as there are."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, batch, seed):
        losses = [nn.functional.cross_entropy(self.net(s["boxes"]), s["classes"]) for s in batch]
        loss = torch.stack(losses).mean()
        return loss, {"loss": loss.item()}


def task(settings: CountSettings, sources) -> propago.TrainingTask:
    net = nn.Linear(4, 2)
    dataset = Scenes(settings.most)
    return propago.TrainingTask("toy", net, Objective(net), dataset, collate=list)


def test_a_network_with_ragged_targets_is_trained(tmp_path):
    optimisation = propago.Optimisation(
        optimiser="sgd", schedule="poly", learning_rate=1.0, warmup_steps=0, ema_decay=0.0
    )
    recipe = propago.Recipe("toy", method=task, steps=60, optimisation=optimisation)
    trained = propago.train(recipe, out=tmp_path, workers=0)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").open()]
    assert losses[-1] < 0.8 * losses[0]
    assert "network: toy" in trained.card.read_text()
