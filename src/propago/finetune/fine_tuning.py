"""What a user asks for when a method shall be fine-tuned: how long, and where weights are kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

from torch import Tensor, nn

from propago.clock import Clock
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.loop import Draw, FineTuneSettings, Loss, fine_tune

FineTuneProgress = Callable[[str, int, float, float], None]
"""Called as (what is fine-tuned, steps done, share of the budget spent in [0, 1], running loss).

Where fine-tuned weights are tried on later frames: frames done, their share, and NaN.
"""

_VERSION = "propago-finetune-1"


@dataclass(frozen=True)
class FineTuning:
    """A wish for fine-tuning.

    Attributes:
        budget: of each fine-tuning: a method may need several.
        cache: where fine-tuned weights are kept; None writes nothing.
        progress: hears of every step; nothing is said of weights that are found in the cache
            but that they are tried.
        clock: counts the seconds of "finetune WHAT", of interrupted ones all parts together;
            nothing of weights in the cache.
    """

    budget: Budget
    cache: FineTuneCache | None = None
    progress: FineTuneProgress | None = None
    clock: Clock = field(default_factory=partial(Clock, active=False))

    def tensors(
        self,
        what: str,
        net: nn.Module,
        parts: tuple[Any, ...],
        *,
        trainable: Callable[[str], bool],
        loss: Loss,
        draw: Draw,
        settings: FineTuneSettings,
    ) -> dict[str, Tensor]:
        """The fine-tuned parameters of `net` by name: from the cache, or made now and kept there.

        The cache knows them by the budget, `settings`, all weights of `net`, and `parts`.

        Args:
            what: named in the progress, e.g. "object 3"; decides nothing.
            net: the parent; it does not change.
            parts: all else that decides the result: what `draw` and `loss` are made of (the
                annotated frames, their settings, the method's name), as `FineTuneCache.key` takes.
            trainable: as for `fine_tune`.
            loss: as for `fine_tune`.
            draw: as for `fine_tune`.
            settings: as for `fine_tune`.

        Raises:
            KeyboardInterrupt: the same call goes on where this one was, if there is a cache.
        """
        names = [name for name, _ in net.named_parameters() if trainable(name)]
        key = FineTuneCache.key(_VERSION, self.budget, settings, names, net.state_dict(), parts)
        kept = self.cache.get(key) if self.cache else None
        if kept is not None:
            return kept
        part, began = f"finetune {what}", perf_counter()
        with self.clock.of(part):
            result = fine_tune(
                net,
                trainable=trainable,
                loss=loss,
                draw=draw,
                settings=settings,
                budget=self.budget,
                unfinished=self.cache.unfinished(key) if self.cache else None,
                progress=partial(self.progress, what) if self.progress else None,
            )
        before_interruption = max(0.0, result.seconds - (perf_counter() - began))
        self.clock.add(part, before_interruption, 0)
        if self.cache:
            about = {"what": what, "budget": str(self.budget), "steps": str(result.steps)}
            self.cache.put(key, result.tensors, about)
        return result.tensors
