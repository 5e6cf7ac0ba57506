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

from propago.data.clips import ClipSampler
from propago.training.batches import NumberedClips, load
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


@dataclass
class Progress:
    """What a run has come to."""

    step: int = 0
    elapsed_s: float = 0.0


def fit(
    objective: nn.Module,
    sampler: ClipSampler,
    recipe: Recipe,
    folder: Path,
    budget: Budget,
    check: Check | None = None,
    workers: int = 1,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> nn.Module:
    """Train `objective` and return its network with averaged weights.

    Args:
        objective: called with (batch, seed), returns (loss, numbers for the log); its `net` is the
            network.
        sampler: draws clips.
        recipe: all settings.
        folder: receives `log.jsonl`, TensorBoard events and `last.pt`; a `last.pt` that is there
            already is resumed from, and the run goes on as if it had never stopped.
        budget: how long.
        check: validation, called every `recipe.validation.every_minutes` and at the end.
        workers: processes that prepare clips.
        report: called with each line of the log.
    """
    accelerator = Accelerator()
    settings = recipe.optimisation
    average = AveragedModel(
        objective.net,  # type: ignore[arg-type]
        avg_fn=_warmed_up_average(settings.ema_decay),
        use_buffers=True,
    )
    optimiser = torch.optim.AdamW(
        objective.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    last = folder / "last.pt"
    progress = _resume(last, objective, average, optimiser) if last.is_file() else Progress()
    clips = NumberedClips(
        sampler, recipe.seed, progress.step * recipe.clips.batch, 10**7 * recipe.clips.batch
    )
    model, optimiser, loader = accelerator.prepare(
        objective, optimiser, load(clips, recipe.clips.batch, workers)
    )
    log = _Log(folder, accelerator.is_main_process, report)
    checked = saved = progress.elapsed_s
    for batch in _timed(loader, progress, budget):
        spent = budget.spent(progress.step, progress.elapsed_s)
        rate = learning_rate(recipe, progress.step, spent)
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss, numbers = model(batch, recipe.seed * 10**6 + progress.step)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(model.parameters(), settings.clip_norm)
        optimiser.step()
        optimiser.zero_grad()
        progress.step += 1
        average.update_parameters(objective.net)  # type: ignore[arg-type]
        log.gather(numbers)
        if progress.step % 20 == 0:
            log.write(progress, {"learning_rate": rate})
        if accelerator.is_main_process and progress.elapsed_s - saved > 120:
            saved = progress.elapsed_s
            _save(last, progress, accelerator.unwrap_model(model), average, optimiser)
        if check and progress.elapsed_s - checked > 60 * recipe.validation.every_minutes:
            checked = progress.elapsed_s
            if accelerator.is_main_process:
                log.write(progress, *check(average.module, progress.step))
    if accelerator.is_main_process:
        _save(last, progress, accelerator.unwrap_model(model), average, optimiser)
        if check:
            log.write(progress, *check(average.module, progress.step))
    return average.module


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


def _save(
    path: Path, progress: Progress, model: nn.Module, average: nn.Module, optimiser: Any
) -> None:
    state = {
        "progress": asdict(progress),
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def _resume(path: Path, model: nn.Module, average: nn.Module, optimiser: Any) -> Progress:
    state = torch.load(path, weights_only=True, map_location="cpu")
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    optimiser.load_state_dict(state["optimiser"])
    return Progress(**state["progress"])


class _Log:
    """Numbers averaged since the last line, to `log.jsonl`, TensorBoard and a callback."""

    def __init__(self, folder: Path, active: bool, report: Callable[[dict[str, Any]], None] | None):
        self._active, self._report = active, report
        self._sums: dict[str, list[float]] = {}
        if active:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / "log.jsonl").open("a")
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
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in (means | more).items():
            self._board.add_scalar(name, value, progress.step)
        if picture is not None:
            self._board.add_image("predictions", picture, progress.step, dataformats="HWC")
        if self._report:
            self._report(line)
