"""The training loop: one process or many (accelerate), exactly resumable."""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed.nn  # before a process group is: its defaults keep the one that they see
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from propago.finetune.budget import Budget
from propago.nn.schedule import half_cosine, warm_up
from propago.training.batches import Examples, NumberedExamples, load
from propago.training.checkpoint import Progress, read_checkpoint, write_checkpoint
from propago.training.recipe import Recipe
from propago.training.run_log import Report, RunLog
from propago.training.validated import Validated


def learning_rate(recipe: Recipe, step: int, spent: float) -> float:
    """Linear warm-up over the first steps, times half a cosine over the budget, down to 0."""
    settings = recipe.optimisation
    return settings.learning_rate * warm_up(step, settings.warmup_steps) * half_cosine(spent)


Check = Callable[[nn.Module], Validated]
"""Called with a copy of the averaged network, in evaluation mode."""


LOG_EVERY_STEPS = 20


@dataclass(frozen=True)
class Fitted:
    """What training ended with.

    Attributes:
        net: the network with averaged weights.
        validated: the last validation; None without one, and in all processes but the main one.
        is_main_process: whether this process is the one of many that writes files.
    """

    net: nn.Module
    validated: Validated | None
    is_main_process: bool


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
) -> Fitted:
    """Train `objective`.

    Under `torchrun` each process draws examples of its own; the batch of a step is the recipe's
    times the number of processes. All stop at the same step, by the main process's clock, and
    leave the process group; the main one alone validates and writes files.

    Args:
        objective: called with (batch, seed), returns (loss, numbers for the log); its `net` is the
            network, whose `pretrained` part learns more slowly.
        examples: what it learns from.
        recipe: all settings.
        folder: receives `log.jsonl`, TensorBoard events and `last.pt`; a `last.pt` that is there
            already is resumed from, and the run goes on as if it had never stopped, given the
            same number of processes.
        budget: how long.
        check: validation, called every `recipe.validation.every_minutes` and at the end.
        workers: processes that prepare examples, for each training process.
        report: called with each line of the log.

    Raises:
        UsageError: `last.pt` is of a run with other settings.
        OutputError: `last.pt` is damaged, or the folder cannot be written to.
    """
    accelerator = Accelerator()
    run = _begin(objective.to(accelerator.device), recipe, folder, accelerator.is_main_process)
    together = recipe.clips.batch * accelerator.num_processes
    first = run.progress.step * together
    numbered = NumberedExamples(examples, recipe.seed, first, 10**6 * together)
    model, optimiser, loader = accelerator.prepare(
        objective, run.optimiser, load(numbered, recipe.clips.batch, workers)
    )
    checked = saved = run.progress.elapsed_s
    with RunLog(folder, run.active, report, run.progress.step) as log:
        for parts in _timed(loader, run.progress, budget):
            elapsed_s, batch = run.progress.elapsed_s, examples.batch(parts)
            spent = budget.spent(run.progress.step, elapsed_s)
            rate = learning_rate(recipe, run.progress.step, spent)
            log.gather(_step(accelerator, run, model, optimiser, batch, rate))
            if run.progress.step % LOG_EVERY_STEPS == 0:
                log.write(run.progress.step, elapsed_s, {"learning_rate": rate})
            if elapsed_s - saved >= recipe.save_every_s:
                saved = elapsed_s
                run.save()
            if elapsed_s - checked > 60 * recipe.validation.every_minutes:
                checked = elapsed_s
                _checked(run, log, check)
        run.save()
        del model, optimiser, loader
        _leave(accelerator)
        return Fitted(run.average.module, _checked(run, log, check), run.active)


def _leave(accelerator: Accelerator) -> None:
    """End the process group and its threads: those alive at the end of Python can abort it."""
    accelerator.wait_for_everyone()
    accelerator.free_memory()
    accelerator.end_training()


def _step(
    accelerator: Accelerator,
    run: "_Run",
    model: nn.Module,
    optimiser: Any,
    batch: Any,
    rate: float,
) -> dict[str, float]:
    """Learn from a batch; numbers for the log."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"]
    loss, numbers = model(batch, _seed(run.recipe, run.progress.step, accelerator.process_index))
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(model.parameters(), run.recipe.optimisation.clip_norm)
    optimiser.step()
    optimiser.zero_grad()
    run.average.update_parameters(run.objective.net)  # type: ignore[arg-type]
    run.progress.step += 1
    return numbers


def _seed(recipe: Recipe, step: int, process: int) -> int:
    return (recipe.seed * 10**6 + step) * 1000 + process


@dataclass
class _Run:
    """What learns, and how far it is."""

    recipe: Recipe
    objective: nn.Module
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    progress: Progress
    path: Path
    active: bool

    def parts(self) -> dict[str, Any]:
        return {"model": self.objective, "average": self.average, "optimiser": self.optimiser}

    def save(self) -> None:
        if self.active:
            write_checkpoint(self.path, self.recipe, self.progress, self.parts())


def _begin(objective: nn.Module, recipe: Recipe, folder: Path, active: bool) -> _Run:
    """A fresh run, or the one that `last.pt` in the folder holds."""
    settings, net = recipe.optimisation, objective.get_submodule("net")
    average = AveragedModel(net, avg_fn=_warmed_up_average(settings.ema_decay), use_buffers=True)
    optimiser = torch.optim.AdamW(
        _groups(net, settings.pretrained_share), weight_decay=settings.weight_decay
    )
    run = _Run(recipe, objective, average, optimiser, Progress(), folder / "last.pt", active)
    if run.path.is_file():
        run.progress = read_checkpoint(run.path, recipe, run.parts())
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
    """Batches until the budget is spent; keeps `progress.elapsed_s`, the main process's clock."""
    before = time.monotonic()
    for batch in loader:
        progress.elapsed_s = broadcast_object_list([progress.elapsed_s])[0]
        if budget.spent(progress.step, progress.elapsed_s) >= 1:
            return
        yield batch
        now = time.monotonic()
        progress.elapsed_s += now - before
        before = now


def _checked(run: _Run, log: RunLog, check: Check | None) -> Validated | None:
    """What `check` says of the averaged network, written to the log."""
    if not check or not run.active:
        log.write(run.progress.step, run.progress.elapsed_s, {})
        return None
    found = check(copy.deepcopy(run.average.module).eval())
    log.write(run.progress.step, run.progress.elapsed_s, found.numbers, found.picture)
    return found
