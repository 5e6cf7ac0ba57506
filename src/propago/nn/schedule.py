"""How a learning rate goes over a training: shares of its highest value. Imports nothing heavy."""

import math
from collections.abc import Sequence


def warm_up(step: int, steps: int) -> float:
    """Share in (0, 1] at step `step` (from 0) of a linear rise over `steps`; 0 of them: none."""
    return min(1.0, (step + 1) / max(steps, 1))


def half_cosine(spent: float) -> float:
    """Share from 1 down to 0 when a share `spent`, in [0, 1], of the budget is gone."""
    return 0.5 * (1 + math.cos(math.pi * spent))


def polynomial(spent: float, power: float) -> float:
    """Share from 1 down to 0: what is left of the budget, to the power `power`."""
    return (1 - spent) ** power


def stepped(spent: float, milestones: Sequence[float], gamma: float) -> float:
    """Share that is multiplied by `gamma` at each milestone, a share of the budget."""
    return gamma ** sum(spent >= milestone for milestone in milestones)
