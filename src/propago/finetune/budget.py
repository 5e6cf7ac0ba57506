"""How long training or fine-tuning may take. Imports nothing heavy: the CLI reads it at once."""

import math
import re
from dataclasses import dataclass

from propago.errors import UsageError

_SECONDS = {"s": 1.0, "min": 60.0}
_LEGAL = "a time such as 60s or 5min, or a number of steps such as 300steps"


@dataclass(frozen=True)
class Budget:
    """A number of optimiser steps, or seconds of wall time; exactly one of them.

    Steps give the same weights every time on one machine; seconds give what the machine can do.

    Attributes:
        steps: at least 1.
        seconds: above 0.
    """

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no budget.

        Raises:
            UsageError: both or neither are given, or it is not positive.
        """
        if (self.steps is None) == (self.seconds is None):
            raise UsageError("a budget is of steps or of seconds: give one of them")
        amount = self.seconds if self.steps is None else self.steps
        if amount is None or not 0 < amount < math.inf:
            raise UsageError(f"a budget of {self}: it is finite and above 0; give {_LEGAL}")

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """The budget written as "60s", "1.5min" or "300steps".

        Raises:
            UsageError: it is written otherwise; the message says how.
        """
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|steps?)\s*", text)
        if not found:
            raise UsageError(f"a budget of {text!r}: give {_LEGAL}")
        amount, unit = found.groups()
        if unit in _SECONDS:
            return cls(seconds=float(amount) * _SECONDS[unit])
        if "." in amount:
            raise UsageError(f"a budget of {text!r}: steps are whole; give {_LEGAL}")
        return cls(steps=int(amount))

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.seconds:g}s" if self.steps is None else f"{self.steps}steps"

    def spent(self, step: int, elapsed_s: float) -> float:
        """Share of the budget used up after `step` steps and `elapsed_s` seconds, 0 to 1."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        return min(1.0, elapsed_s / (self.seconds or math.inf))
