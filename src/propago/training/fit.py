"""The training loop: one process or many (accelerate), exactly resumable."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
import torch.distributed.nn  # before a process group is: its defaults keep the one that they see
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from propago.data.task import TrainingTask
from propago.finetune.budget import Budget
from propago.training.checkpoint import CheckpointFile, TrainingProgress
from propago.training.datasets import NumberedExamples, load
from propago.training.interrupt import uninterrupted
from propago.training.optimisation import Optimisation
from propago.training.restart import meet_again
from propago.training.run_log import Report, RunLog
from propago.training.validation import ValidationResult, Validator

LOG_EVERY_STEPS = 20


@dataclass(frozen=True)
class Watch:
    """Who hears of a training.

    Attributes:
        report: called with each line of the log.
        on_step: called as (steps done, share of the budget spent, "training" or "validating"):
            before the first step, after each, and before each validation.
    """

    report: Report | None = None
    on_step: Callable[[int, float, str], None] | None = None


@dataclass(frozen=True)
class FitResult:
    """What training ended with.

    Attributes:
        net: the network with averaged weights.
        validation: the last one; None without one, and in all processes but the main one.
        is_main_process: whether this process is the one of many that writes files.
    """

    net: nn.Module
    validation: ValidationResult | None
    is_main_process: bool


def fit(
    task: TrainingTask,
    optimisation: Optimisation,
    budget: Budget,
    checkpoint: CheckpointFile,
    *,
    seed: int = 0,
    validator: Validator | None = None,
    workers: int = 1,
    watch: Watch | None = None,
) -> FitResult:
    """Train a network.

    Under `torchrun` each process draws examples of its own; a step learns from `batch` times
    `accumulate` of `optimisation` examples times the number of processes. All stop at the same
    step, by the main process's clock, and leave the process group; the main one alone validates
    and writes files.

    Args:
        task: network, objective and examples.
        optimisation: how it learns.
        budget: how long.
        checkpoint: its folder receives `log.jsonl`, TensorBoard events and `last.pt`; a `last.pt`
            that is there already is resumed from, and the run goes on as if it had never stopped,
            given the same number of processes.
        seed: decides the examples, and what the objective draws.
        validator: called now and then, and at the end.
        workers: processes that prepare examples, for each training process.
        watch: who hears of it; nobody if None.

    Raises:
        KeyboardInterrupt: Ctrl-C; the run is kept, its steps whole.
        UsageError: `last.pt` is of a run with other settings.
        OutputError: `last.pt` is damaged, or the folder cannot be written to.
    """
    meet_again()
    accelerator = Accelerator()
    run = _begin(task, optimisation, checkpoint, accelerator, seed, budget, watch or Watch())
    together = optimisation.batch * accelerator.num_processes
    first = run.progress.step * together * optimisation.accumulate
    numbered = NumberedExamples(task.dataset, seed, first, 10**6 * together)
    loader = load(numbered, optimisation.batch, task.collate, workers)
    model, optimiser, loader = accelerator.prepare(task.objective, run.optimiser, loader)
    validated = saved = run.progress.elapsed_s
    run.say("training")
    with (
        _kept(run),
        RunLog(checkpoint.folder, run.active, run.watch.report, run.progress.step) as log,
    ):
        for batches in _timed(loader, optimisation.accumulate, run.progress, budget):
            elapsed_s = run.progress.elapsed_s
            rate = optimisation.rate(run.progress.step, budget.spent(run.progress.step, elapsed_s))
            with uninterrupted():
                log.gather(_step(accelerator, run, model, optimiser, batches, rate))
            run.say("training")
            if run.progress.step % LOG_EVERY_STEPS == 0:
                log.write(run.progress.step, elapsed_s, {"learning_rate": rate})
            if checkpoint.is_due(saved, elapsed_s):
                saved = elapsed_s
                run.save()
            if validator and elapsed_s - validated > 60 * validator.every_minutes:
                validated = elapsed_s
                _validated(run, log, validator)
        run.save()
        del model, optimiser, loader
        _leave(accelerator)
        return FitResult(run.average.module, _validated(run, log, validator), run.active)


@dataclass
class _Run:
    """What learns, and how far it is."""

    task: TrainingTask
    optimisation: Optimisation
    checkpoint: CheckpointFile
    average: AveragedModel
    optimiser: torch.optim.Optimizer
    active: bool
    seed: int
    budget: Budget
    watch: Watch
    progress: TrainingProgress = field(default_factory=TrainingProgress)

    def parts(self) -> dict[str, Any]:
        return {"model": self.task.objective, "average": self.average, "optimiser": self.optimiser}

    def precision(self, device: torch.device) -> torch.autocast:
        """In which the objective is computed."""
        mixed = self.optimisation.precision == "bfloat16"
        return torch.autocast(device.type, torch.bfloat16, enabled=mixed)

    def save(self) -> None:
        if self.active:
            self.checkpoint.write(self.progress, self.parts())

    def say(self, what: str) -> None:
        if self.watch.on_step and self.active:
            done = self.progress
            self.watch.on_step(done.step, self.budget.spent(done.step, done.elapsed_s), what)


@contextmanager
def _kept(run: _Run) -> Iterator[None]:
    """A run that is interrupted is written first."""
    try:
        yield
    except KeyboardInterrupt:
        if not run.progress.step:
            raise
        run.save()
        raise KeyboardInterrupt(
            f"interrupted; {run.progress.step} steps are kept in {run.checkpoint.path}, and the "
            "same command goes on"
        ) from None


def _begin(
    task: TrainingTask,
    optimisation: Optimisation,
    checkpoint: CheckpointFile,
    accelerator: Accelerator,
    seed: int,
    budget: Budget,
    watch: Watch,
) -> _Run:
    """A fresh run, or the one that the checkpoint holds."""
    task.objective.to(accelerator.device)
    decay = _warmed_up_average(optimisation.ema_decay)
    average = AveragedModel(task.net, avg_fn=decay, use_buffers=True)
    groups = task.groups or [{"params": list(task.net.parameters()), "lr_scale": 1.0}]
    for parameter in (p for group in groups if not group["lr_scale"] for p in group["params"]):
        parameter.requires_grad_(False)
    optimiser, active = optimisation.begun(groups), accelerator.is_main_process
    run = _Run(task, optimisation, checkpoint, average, optimiser, active, seed, budget, watch)
    if checkpoint.path.is_file():
        run.progress = checkpoint.read(run.parts())
    return run


def _leave(accelerator: Accelerator) -> None:
    """End the process group and its threads: those alive at the end of Python can abort it."""
    accelerator.wait_for_everyone()
    accelerator.free_memory()
    accelerator.end_training()


def _step(
    accelerator: Accelerator,
    run: _Run,
    model: nn.Module,
    optimiser: Any,
    batches: Sequence[Any],
    rate: float,
) -> dict[str, float]:
    """Learn from the mean over batches; numbers of the last for the log."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["lr_scale"]
    seed = (run.seed * 10**6 + run.progress.step) * 1000 + accelerator.process_index
    numbers: dict[str, float] = {}
    for i, batch in enumerate(batches):
        last = i == len(batches) - 1
        with nullcontext() if last else accelerator.no_sync(model):
            with run.precision(accelerator.device):
                loss, numbers = model(batch, seed + i * accelerator.num_processes)
            accelerator.backward(loss / len(batches))
    accelerator.clip_grad_norm_(model.parameters(), run.optimisation.clip_norm)
    optimiser.step()
    optimiser.zero_grad()
    run.average.update_parameters(run.task.net)
    run.progress.step += 1
    return numbers


def _warmed_up_average(decay: float) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """An exponential moving average that forgets its beginning: decay min(decay, n / (n + 10)).

    With a constant decay of 0.998 the untrained weights would still hold a third after 500 steps.
    """

    def average(mean: Tensor, new: Tensor, count: Any) -> Tensor:
        share = 1 - min(decay, float(count) / (float(count) + 10))
        return mean + (new - mean) * share if mean.is_floating_point() else new

    return average


def _timed(
    loader: Any, accumulate: int, progress: TrainingProgress, budget: Budget
) -> Iterator[list[Any]]:
    """The batches of each step until the budget is spent.

    Keeps `progress.elapsed_s`, the main process's clock.
    """
    before, batches = time.monotonic(), iter(loader)
    while step := list(islice(batches, accumulate)):
        progress.elapsed_s = broadcast_object_list([progress.elapsed_s])[0]
        if budget.spent(progress.step, progress.elapsed_s) >= 1:
            return
        yield step
        now = time.monotonic()
        progress.elapsed_s += now - before
        before = now


def _validated(run: _Run, log: RunLog, validator: Validator | None) -> ValidationResult | None:
    """What is said of the averaged network, written to the log."""
    if not validator or not run.active:
        log.write(run.progress.step, run.progress.elapsed_s, {})
        return None
    run.say("validating")
    found = validator.validate(copy.deepcopy(run.average.module).eval())
    log.write(run.progress.step, run.progress.elapsed_s, found.numbers, found.picture)
    return found
