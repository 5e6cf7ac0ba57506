"""How long fine-tuning will take, said before it begins."""

import warnings
from typing import Protocol, runtime_checkable

from propago.errors import PropagoWarning
from propago.finetune.fine_tuning import FineTuning
from propago.types import Annotations, Propagator

_LONG_MIN = 5
"""More minutes are said."""


@runtime_checkable
class FineTunable(Protocol):
    """A propagator that can be fine-tuned on annotated frames.

    Attributes:
        finetune: how it is; None where it is not.
        trial_frames: so many frames behind an annotated one (its `Frame.ahead`) decide whether
            fine-tuning helped.
    """

    finetune: FineTuning | None
    trial_frames: int

    def fine_tuning_count(self, annotations: Annotations) -> int:
        """How many fine-tunings the annotations of a video make, at most."""
        ...


def forecast(method: Propagator, *videos: Annotations) -> None:
    """Warn where fine-tuning on the annotations of all `videos` may take many minutes.

    A method that is not fine-tuned, or for a number of steps, is not warned of.
    """
    if not isinstance(method, FineTunable) or method.finetune is None:
        return
    budget = method.finetune.budget
    count = sum(method.fine_tuning_count(annotations) for annotations in videos)
    minutes = count * (budget.seconds or 0) / 60
    if minutes > _LONG_MIN:
        warnings.warn(
            f"fine-tuning takes up to {minutes:.0f} min in all: {count} times up to {budget}; "
            "`finetune` says how long each may take",
            PropagoWarning,
            stacklevel=2,
        )
