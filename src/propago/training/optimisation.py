"""How a network learns: optimiser, batch, and how the learning rate goes. All of it is data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

from torch import optim

from propago.errors import UsageError
from propago.nn.schedule import half_cosine, polynomial, stepped, warm_up
from propago.ranges import Ranged, ranged

Optimiser = Literal["adamw", "sgd"]
Schedule = Literal["cosine", "poly", "step"]
Precision = Literal["float32", "bfloat16"]

_CHOICES = (("optimiser", Optimiser), ("schedule", Schedule), ("precision", Precision))


@dataclass(frozen=True)
class Optimisation(Ranged):
    """An optimiser with a linear warm-up and a schedule; weights averaged by EMA.

    Attributes:
        optimiser: "adamw" or "sgd".
        schedule: "cosine" and "poly" end at 0 with the budget, "step" falls at `milestones`.
        learning_rate: the highest.
        batch: examples that go through the network together, in each process.
        accumulate: so many batches, whose mean gradient makes a step.
        weight_decay: of AdamW it is decoupled.
        momentum: of SGD.
        power: of "poly", (1 - spent) ** power.
        milestones: shares of the budget, in (0, 1) and rising.
        gamma: the rate is multiplied by it at each.
        warmup_steps: 0 are none.
        clip_norm: of the gradient.
        ema_decay: of the averaged weights, which are what training ends with; 0 keeps the last.
        precision: "bfloat16" computes most layers in it (autocast), where the device is fast at it;
            weights stay float32.
    """

    optimiser: Optimiser = "adamw"
    schedule: Schedule = "cosine"
    learning_rate: float = ranged(1e-3, above=0)
    batch: int = ranged(4, least=1)
    accumulate: int = ranged(1, least=1)
    weight_decay: float = ranged(0.02, least=0)
    momentum: float = ranged(0.9, least=0, below=1)
    power: float = ranged(0.9, above=0)
    milestones: tuple[float, ...] = (0.6, 0.9)
    gamma: float = ranged(0.1, above=0)
    warmup_steps: int = ranged(100, least=0)
    clip_norm: float = ranged(5.0, above=0)
    ema_decay: float = ranged(0.998, least=0, below=1)
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        for name, choices in _CHOICES:
            if getattr(self, name) not in get_args(choices):
                legal = ", ".join(get_args(choices))
                raise UsageError(f"{name} = {getattr(self, name)!r}: there are {legal}")
        super().__post_init__()
        if not all(a < b for a, b in pairwise((0, *self.milestones, 1))):
            raise UsageError(f"milestones = {self.milestones}: they rise from above 0 to below 1")

    def rate(self, step: int, spent: float) -> float:
        """The learning rate.

        Args:
            step: from 0.
            spent: share of the budget, in [0, 1].
        """
        match self.schedule:
            case "cosine":
                share = half_cosine(spent)
            case "poly":
                share = polynomial(spent, self.power)
            case "step":
                share = stepped(spent, self.milestones, self.gamma)
        return self.learning_rate * warm_up(step, self.warmup_steps) * share

    def begun(self, groups: Sequence[Mapping[str, Any]]) -> optim.Optimizer:
        """The optimiser of parameter groups."""
        own = [dict(group) for group in groups]
        if self.optimiser == "sgd":
            return optim.SGD(
                own, self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay
            )
        return optim.AdamW(own, weight_decay=self.weight_decay)
