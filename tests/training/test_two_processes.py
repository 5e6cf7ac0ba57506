"""Training in two processes on one machine, as `torchrun --nproc-per-node 2` runs it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from propago.data.task import TrainingTask, stacked
from propago.finetune.budget import Budget
from propago.training import fit as fitting
from propago.training.checkpoint import CheckpointFile
from propago.training.datasets import NumberedExamples
from propago.training.optimisation import Optimisation


class Objective(nn.Module):
    """A line through points."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 4), nn.Linear(4, 1))
        self.batches = []

    def forward(self, batch, seed):
        self.batches.append(batch.flatten().tolist())
        loss = (self.net(batch) - 3 * batch).square().mean()
        return loss, {"loss": loss.item()}


class Points:
    """Draws numbers, and keeps them."""

    def __init__(self):
        self.drawn = []

    def sample(self, rng):
        point = rng.normal(size=1).astype("float32")
        self.drawn.append(float(point[0]))
        return point


def train(folder):
    """Train for five seconds of a clock that runs faster in the second process."""
    rank, now = int(os.environ["RANK"]), 0.0

    def monotonic():
        nonlocal now
        now += 1 + 2 * rank
        return now

    fitting.time = SimpleNamespace(monotonic=monotonic)
    torch.manual_seed(0)
    objective, points = Objective(), Points()
    task = TrainingTask("line", objective.net, objective, points, stacked)
    options = Optimisation(batch=2), Budget(seconds=5), CheckpointFile(folder)
    fitted = fitting.fit(task, *options, workers=0)
    weights = [p.tolist() for p in fitted.net.parameters()]
    told = {
        "batches": objective.batches,
        "drawn": points.drawn,
        "main": fitted.is_main_process,
        "weights": weights,
    }
    told["threads"] = [p.read_text().strip() for p in Path("/proc/self/task").glob("*/comm")]
    (folder / f"{rank}.json").write_text(json.dumps(told))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What the two processes say, and the folder."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    common |= {"MASTER_PORT": port, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, str(folder)]
    processes = [
        subprocess.Popen(command, env={**os.environ, **common, "RANK": rank, "LOCAL_RANK": rank})
        for rank in "01"
    ]
    try:
        assert [process.wait(120) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    first, second = (json.loads((folder / f"{rank}.json").read_text()) for rank in "01")
    return first, second, folder


@pytest.mark.slow
def test_two_processes_stop_at_the_same_step_with_the_same_weights(told):
    first, second, folder = told
    assert (len(first["batches"]), len(second["batches"])) == (5, 5)
    assert (first["main"], second["main"]) == (True, False)
    assert first["weights"] == second["weights"]
    assert not [name for name in first["threads"] + second["threads"] if "gloo" in name]
    assert len((folder / "log.jsonl").read_text().splitlines()) == 1


@pytest.mark.slow
def test_a_step_of_both_draws_what_one_process_draws_with_a_batch_twice_as_large(told):
    first, second, _ = told
    assert len(first["drawn"]) >= 10
    assert not set(first["drawn"]) & set(second["drawn"])
    for step, batches in enumerate(zip(first["batches"], second["batches"], strict=True)):
        examples = NumberedExamples(Points(), 0, 4 * step, 4)
        alone = [float(examples[i][0]) for i in range(4)]
        assert [x for batch in batches for x in batch] == alone


if __name__ == "__main__":
    train(Path(sys.argv[1]))
