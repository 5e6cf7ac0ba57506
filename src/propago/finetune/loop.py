"""Fine-tuning on annotated frames: a copy of a network learns one video, the parent stays.

Source: Cheng et al., Learning to Segment Instances in Videos with SPN, 2017, section 3 (plain
stochastic gradient, a fixed number of steps). Differs: Adam; a budget; of all weights on the way
those are kept that were best on draws held out from learning.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from propago.errors import UsageError
from propago.finetune.budget import Budget
from propago.finetune.unfinished import UnfinishedFile, UnfinishedState
from propago.nn.schedule import half_cosine, warm_up

Loss = Callable[[nn.Module, Any], Tensor]
"""The loss of a network on one draw."""

Draw = Callable[[np.random.Generator], Any]
"""An example, drawn by chance; all chance comes from the generator."""

_TRAIN, _HELD_OUT = 0, 1


@dataclass(frozen=True)
class FineTuneSettings:
    """How a fine-tuning goes.

    Attributes:
        learning_rate: of Adam, at its highest.
        batch: draws whose mean gradient makes a step; they go through the network one after
            another, so that memory does not grow with it.
        held_out: draws that no step is made on, on which the weights are compared.
        check_every_steps: how often they are.
        patience: checks without a better loss, after which the fine-tuning ends.
        seed: of every draw.
        schedule: of the learning rate over the budget: "cosine", half a cosine down to 0, or
            "halving", the paper's: halved after each third.
        warmup_steps: steps over which the learning rate rises from 0.
    """

    learning_rate: float = 3e-4
    batch: int = 1
    held_out: int = 4
    check_every_steps: int = 20
    patience: int = 8
    seed: int = 0
    schedule: Literal["cosine", "halving"] = "cosine"
    warmup_steps: int = 10

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            UsageError: a number is out of its range, or there is no such schedule.
        """
        counts = (self.batch, self.held_out, self.check_every_steps, self.patience)
        if min(counts) < 1 or min(self.seed, self.warmup_steps) < 0 or self.learning_rate <= 0:
            raise UsageError(
                f"{self}: batch, held_out, check_every_steps and patience are at least 1, seed and "
                "warmup_steps at least 0, learning_rate above 0"
            )
        if self.schedule not in ("cosine", "halving"):
            raise UsageError(f"schedule {self.schedule!r}: there are cosine and halving")

    def rate(self, step: int, spent: float) -> float:
        """The learning rate of step `step` (from 0), when a share `spent` of the budget is gone."""
        highest = self.learning_rate * warm_up(step, self.warmup_steps)
        if self.schedule == "halving":
            return highest * 0.5 ** min(2, int(3 * spent))
        return highest * half_cosine(spent)


@dataclass(frozen=True)
class FineTuneResult:
    """What a fine-tuning came to.

    Attributes:
        tensors: the trainable parameters by name, on the CPU; only those, with the lowest loss on
            the held-out draws: the parent's where none is lower.
        steps: how many were made.
        seconds: wall time, of an interrupted one all parts together.
        loss: on the held-out draws, of `tensors`.
        history: (step, seconds, held-out loss) of each check.
    """

    tensors: dict[str, Tensor]
    steps: int
    seconds: float
    loss: float
    history: tuple[tuple[int, float, float], ...]


def fine_tune(
    net: nn.Module,
    *,
    trainable: Callable[[str], bool],
    loss: Loss,
    draw: Draw,
    settings: FineTuneSettings,
    budget: Budget,
    unfinished: Path | None = None,
    progress: Callable[[int, float, float], None] | None = None,
) -> FineTuneResult:
    """Train a deep copy of `net`, in evaluation mode: stored statistics are used, not changed.

    It ends when the budget is spent, when the held-out loss has not improved for
    `settings.patience` checks, or when the loss is no longer finite. A budget of seconds leaves
    time for the last check; it is exceeded by a step at most.

    Args:
        net: the parent; neither its weights nor its mode nor what is trainable in it change.
        trainable: whether the parameter of this name is trained; the others are frozen.
        loss: a finite scalar for any draw.
        draw: called with a generator of its own for every draw, so a resume needs no past.
        settings: how.
        budget: how long.
        unfinished: holds an unfinished fine-tuning, which is gone on with; written about every 10 s
            and on Ctrl-C, deleted at the end. Its name must stand for all other arguments
            (`FineTuneCache.unfinished`). A damaged one is begun again.
        progress: called after every step as (steps done, share of the budget spent in [0, 1],
            running loss).

    Raises:
        UsageError: `trainable` accepts no parameter.
        KeyboardInterrupt: the same call goes on from `unfinished`.
    """
    loop = _Loop(net, trainable, loss, draw, settings, budget)
    file = UnfinishedFile(unfinished)
    if state := file.read():
        loop.resume(state)
    try:
        with torch.enable_grad():
            while loop.goes_on():
                loop.train_step()
                if progress:
                    progress(loop.step, loop.spent(), loop.running)
                file.maybe_write(loop.state)
    except KeyboardInterrupt:
        if loop.consistent:
            file.write(loop.state())
        raise
    file.delete()
    return FineTuneResult(loop.best, loop.step, loop.seconds(), loop.lowest, tuple(loop.history))


@dataclass
class _Loop:
    """One fine-tuning under way."""

    parent: nn.Module
    trainable: Callable[[str], bool]
    loss: Loss
    draw: Draw
    settings: FineTuneSettings
    budget: Budget
    step: int = 0
    check_s: float = 0.0
    running: float = math.nan
    best: dict[str, Tensor] = field(default_factory=dict)
    history: list[tuple[int, float, float]] = field(default_factory=list)
    consistent: bool = True
    diverged: bool = False

    def __post_init__(self) -> None:
        self.began = monotonic()
        self.net = copy.deepcopy(self.parent).eval()
        self.parameters = {}
        for name, parameter in self.net.named_parameters():
            parameter.grad = None
            parameter.requires_grad_(self.trainable(name))
            if parameter.requires_grad:
                self.parameters[name] = parameter
        if not self.parameters:
            raise UsageError("no parameter of the network is fine-tuned: `trainable` accepts none")
        self.optimiser = torch.optim.Adam(self.parameters.values())
        self.held_out = [self._draw(_HELD_OUT, i) for i in range(self.settings.held_out)]

    @property
    def lowest(self) -> float:
        return min(loss for _, _, loss in self.history)

    def seconds(self) -> float:
        return monotonic() - self.began

    def spent(self) -> float:
        return self.budget.spent(self.step, self.seconds() + self.check_s)

    def goes_on(self) -> bool:
        """Whether there is another step to make; checks the weights where that is due."""
        last = self.diverged or self.spent() >= 1
        checked = bool(self.history) and self.history[-1][0] == self.step
        if not checked and (last or self.step % self.settings.check_every_steps == 0):
            self.check()
        losses = [loss for _, _, loss in self.history]
        return not last and len(losses) - losses.index(min(losses)) <= self.settings.patience

    def check(self) -> None:
        began = monotonic()
        with torch.no_grad():
            losses = [float(self.loss(self.net, held)) for held in self.held_out]
        loss = sum(losses) / len(losses)
        loss = loss if math.isfinite(loss) else math.inf
        if not self.history or loss < self.lowest:
            self.best = self.weights()
        self.check_s = monotonic() - began
        self.history.append((self.step, self.seconds(), loss))

    def train_step(self) -> None:
        self.optimiser.param_groups[0]["lr"] = self.settings.rate(self.step, self.spent())
        self.optimiser.zero_grad()
        batch, total = self.settings.batch, 0.0
        for i in range(batch):
            loss = self.loss(self.net, self._draw(_TRAIN, self.step * batch + i)) / batch
            loss.backward()
            total += loss.item()
        self.diverged = not math.isfinite(total)
        if self.diverged:
            return
        self.consistent = False
        self.optimiser.step()
        self.step += 1
        self.running = total if math.isnan(self.running) else 0.9 * self.running + 0.1 * total
        self.consistent = True

    def weights(self) -> dict[str, Tensor]:
        return {n: p.detach().cpu().clone() for n, p in self.parameters.items()}

    def state(self) -> UnfinishedState:
        state = self.optimiser.state_dict()["state"]
        moments = {i: {n: v.cpu() for n, v in own.items()} for i, own in state.items()}
        return UnfinishedState(
            self.weights(),
            self.best,
            moments,
            self.step,
            self.seconds(),
            self.check_s,
            self.running,
            tuple(self.history),
        )

    def resume(self, state: UnfinishedState) -> None:
        if {n: t.shape for n, t in state.tensors.items()} != {
            n: p.shape for n, p in self.parameters.items()
        }:
            return
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(state.tensors[name])
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state.moments, "param_groups": groups})
        self.step, self.check_s, self.running = state.step, state.check_s, state.running
        self.best, self.history = state.best, list(state.history)
        self.began -= state.seconds

    def _draw(self, purpose: int, number: int) -> Any:
        return self.draw(np.random.default_rng((self.settings.seed, purpose, number)))
