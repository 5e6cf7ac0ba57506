"""The training loop: one process or many (accelerate), exactly resumable."""

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from propago.training.batches import Examples, NumberedExamples, load
from propago.training.recipe import Recipe


@dataclass(frozen=True)
class Budget:
    """How long to train: a number of optimiser steps, or minutes of wall time if given."""

    steps: int
    minutes: float | None = None

    def spent(self, step: int, elapsed_s: float) -> float:
        """Share of the budget that is used up, from 0 to 1."""
        if self.minutes is not None:
            return min(1.0, elapsed_s / (60 * self.minutes))
        return min(1.0, step / self.steps)


def learning_rate(recipe: Recipe, step: int, spent: float) -> float:
    """Linear warm-up over the first steps, then half a cosine over the budget, down to 0."""
    warm = min(1.0, (step + 1) / recipe.optimisation.warmup_steps)
    return recipe.optimisation.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * spent))


Check = Callable[[nn.Module, int], tuple[dict[str, float], np.ndarray]]
"""Called with the averaged network and the step: numbers, and an (H, W, 3) uint8 picture."""


Report = Callable[[dict[str, Any]], None]

LOG_EVERY_STEPS = 20


@dataclass
class Progress:
    """What a run has come to."""

    step: int = 0
    elapsed_s: float = 0.0


def fit(
    objective: nn.Module,
    examples: Examples,
    recipe: Recipe,
    folder: Path,
    budget: Budget,
    *,
    check: Check | None = None,
    workers: int = 1,
    report: Report | None = None,
) -> nn.Module:
    """Train `objective` and return its network with averaged weights.

    Under `torchrun` each process draws examples of its own; the batch of a step is the recipe's
    times the number of processes.

    Args:
        objective: called with (batch, seed), returns (loss, numbers for the log); its `net` is the
            network, whose `pretrained` part learns more slowly.
        examples: what it learns from.
        recipe: all settings.
        folder: receives `log.jsonl`, TensorBoard events and `last.pt`; a `last.pt` that is there
            already is resumed from, and the run goes on as if it had never stopped.
        budget: how long.
        check: validation, called every `recipe.validation.every_minutes` and at the end.
        workers: processes that prepare examples, for each training process.
        report: called with each line of the log.
    """
    accelerator = Accelerator()
    run = _begin(objective, recipe, folder, accelerator.is_main_process)
    together = recipe.clips.batch * accelerator.num_processes
    first = run.progress.step * together
    numbered = NumberedExamples(examples, recipe.seed, first, 10**6 * together)
    model, optimiser, loader = accelerator.prepare(
        objective, run.optimiser, load(numbered, recipe.clips.batch, workers)
    )
    log = _Log(folder, accelerator.is_main_process, report)
    checked = saved = run.progress.elapsed_s
    for batch in _timed(loader, run.progress, budget):
        step, elapsed_s = run.progress.step, run.progress.elapsed_s
        rate = learning_rate(recipe, step, budget.spent(step, elapsed_s))
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]
        loss, numbers = model(batch, _seed(recipe, step, accelerator.process_index))
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(model.parameters(), recipe.optimisation.clip_norm)
        optimiser.step()
        optimiser.zero_grad()
        run.average.update_parameters(objective.net)  # type: ignore[arg-type]
        run.progress.step += 1
        log.gather(numbers)
        if run.progress.step % LOG_EVERY_STEPS == 0:
            log.write(run.progress, {"learning_rate": rate})
        if elapsed_s - saved >= recipe.save_every_s:
            saved = elapsed_s
            run.save()
        if elapsed_s - checked > 60 * recipe.validation.every_minutes:
            checked = elapsed_s
            log.check(run, check)
    run.save()
    log.check(run, check)
    return run.average.module


def _seed(recipe: Recipe, step: int, process: int) -> int:
    return (recipe.seed * 10**6 + step) * 1000 + process


@dataclass
class _Run:
    """Everything `last.pt` holds."""

    objective: nn.Module
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    progress: Progress
    path: Path
    active: bool

    def parts(self) -> dict[str, Any]:
        return {"model": self.objective, "average": self.average, "optimiser": self.optimiser}

    def save(self) -> None:
        if not self.active:
            return
        state = {name: part.state_dict() for name, part in self.parts().items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".tmp")
        torch.save({"progress": asdict(self.progress), **state}, temporary)
        os.replace(temporary, self.path)

    def resume(self) -> None:
        state = torch.load(self.path, weights_only=True, map_location="cpu")
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        self.progress = Progress(**state["progress"])


def _begin(objective: nn.Module, recipe: Recipe, folder: Path, active: bool) -> _Run:
    """A fresh run, or the one that `last.pt` in the folder holds."""
    settings, net = recipe.optimisation, objective.get_submodule("net")
    average = AveragedModel(net, avg_fn=_warmed_up_average(settings.ema_decay), use_buffers=True)
    optimiser = torch.optim.AdamW(
        _groups(net, settings.pretrained_share), weight_decay=settings.weight_decay
    )
    run = _Run(objective, average, optimiser, Progress(), folder / "last.pt", active)
    if run.path.is_file():
        run.resume()
    return run


def _groups(net: nn.Module, pretrained_share: float) -> list[dict[str, Any]]:
    """Parameters with their share of the learning rate."""
    pretrained = set(net.pretrained.parameters())  # type: ignore[union-attr]
    new = [p for p in net.parameters() if p not in pretrained]
    return [
        {"params": new, "share": 1.0},
        {"params": [p for p in net.parameters() if p in pretrained], "share": pretrained_share},
    ]


def _warmed_up_average(decay: float) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """An exponential moving average that forgets its beginning: decay min(decay, n / (n + 10)).

    With a constant decay of 0.998 the untrained weights would still hold a third after 500 steps.
    """

    def average(mean: Tensor, new: Tensor, count: Any) -> Tensor:
        share = 1 - min(decay, float(count) / (float(count) + 10))
        return mean + (new - mean) * share if mean.is_floating_point() else new

    return average


def _timed(loader: Any, progress: Progress, budget: Budget) -> Iterator[Any]:
    """Batches until the budget is spent; keeps `progress.elapsed_s`."""
    before = time.monotonic()
    for batch in loader:
        if budget.spent(progress.step, progress.elapsed_s) >= 1:
            return
        yield batch
        now = time.monotonic()
        progress.elapsed_s += now - before
        before = now


class _Log:
    """Numbers averaged since the last line, to `log.jsonl`, TensorBoard and a callback."""

    def __init__(self, folder: Path, active: bool, report: Report | None):
        self._active, self._report = active, report
        self._sums: dict[str, list[float]] = {}
        if active:
            folder.mkdir(parents=True, exist_ok=True)
            self._path = folder / "log.jsonl"
            self._board = SummaryWriter(str(folder / "tensorboard"))

    def gather(self, numbers: dict[str, float | Tensor]) -> None:
        for name, value in numbers.items():
            self._sums.setdefault(name, []).append(float(value))

    def write(
        self, progress: Progress, more: dict[str, float], picture: np.ndarray | None = None
    ) -> None:
        means = {name: sum(v) / len(v) for name, v in self._sums.items()}
        self._sums.clear()
        if not self._active:
            return
        line = {"step": progress.step, "elapsed_s": round(progress.elapsed_s, 1), **means, **more}
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in (means | more).items():
            self._board.add_scalar(name, value, progress.step)
        if picture is not None:
            self._board.add_image("predictions", picture, progress.step, dataformats="HWC")
        if self._report:
            self._report(line)

    def check(self, run: _Run, check: Check | None) -> None:
        if check and self._active:
            self.write(run.progress, *check(run.average.module, run.progress.step))
        elif self._sums:
            self.write(run.progress, {})
