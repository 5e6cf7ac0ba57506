"""A process that is killed under `torchrun --max-restarts`: all begin anew at the checkpoint."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from propago.data.task import TrainingTask, stacked
from propago.finetune.budget import Budget
from propago.training.checkpoint import CheckpointFile
from propago.training.fit import Watch, fit
from propago.training.optimisation import Optimisation

STEPS, KILLED_AT = 6, 4


class Objective(torch.nn.Module):
    """A line through points; its process may be killed at a step."""

    def __init__(self, last_call=None):
        super().__init__()
        self.net = torch.nn.Linear(1, 1)
        self.calls, self.last_call = 0, last_call

    def forward(self, batch, seed):
        self.calls += 1
        if self.calls == self.last_call:
            os.kill(os.getpid(), signal.SIGKILL)
        loss = (self.net(batch) - 3 * batch).square().mean()
        return loss, {"loss": loss.item()}


class Points:
    """Draws numbers."""

    def sample(self, rng):
        return rng.normal(size=1).astype("float32")


def train(folder, is_killed):
    """Train; the second process is killed once, steps behind the first checkpoint."""
    rank, attempt = int(os.environ["RANK"]), int(os.environ["TORCHELASTIC_RESTART_COUNT"])
    torch.manual_seed(0)
    objective = Objective(KILLED_AT if is_killed and rank == 1 and attempt == 0 else None)
    task = TrainingTask("line", objective.net, objective, Points(), stacked)
    checkpoint, told = CheckpointFile(folder, every_s=0), []
    budget, watch = Budget(steps=STEPS), Watch(on_step=lambda steps, *_: told.append(steps))
    fitted = fit(task, Optimisation(batch=2), budget, checkpoint, workers=0, watch=watch)
    if rank == 0:
        weights = [p.tolist() for p in fitted.net.parameters()]
        said = json.dumps({"weights": weights, "began_at": told[0]})
        (folder / "told.json").write_text(said)


def torchrun(folder, *arguments):
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--max-restarts", "1", "--monitor-interval", "0.1"]
    command += ["--master-addr", "127.0.0.1", "--master-port", port, __file__, str(folder)]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [*command, *arguments], env=environment, check=True, capture_output=True, timeout=100
    )
    return json.loads((folder / "told.json").read_text())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_process_costs_no_step_that_was_kept(tmp_path):
    broken, whole = torchrun(tmp_path / "broken", "killed"), torchrun(tmp_path / "whole")
    assert whole["began_at"] == 0
    assert 1 <= broken["began_at"] < KILLED_AT
    assert broken["weights"] == whole["weights"]


if __name__ == "__main__":
    train(Path(sys.argv[1]), len(sys.argv) > 2)
