"""What a user asks for when a method shall adapt: how long, and where the result is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.loop import Draw, FineTuneResult, FineTuneSettings, Loss, fine_tune

Report = Callable[[str, int, float, float], None]
"""Called as (what is tuned, steps done, share of the budget spent in [0, 1], running loss)."""

Made = Callable[[str, FineTuneResult], None]
"""Called as (what was tuned, what its fine-tuning came to)."""

_VERSION = "propago-adapted-1"


@dataclass(frozen=True)
class FineTuning:
    """A wish to adapt.

    Attributes:
        budget: of each fine-tuning: a method may need several.
        cache: where adapted weights are kept.
        progress: hears of every step; nothing is said of weights that are found in the cache.
        made: hears of every fine-tuning at its end; as little of weights in the cache.
    """

    budget: Budget
    cache: FineTuneCache
    progress: Report | None = None
    made: Made | None = None

    def tensors(
        self,
        what: str,
        net: nn.Module,
        parts: tuple[Any, ...],
        *,
        tuned: Callable[[str], bool],
        loss: Loss,
        draw: Draw,
        settings: FineTuneSettings,
    ) -> dict[str, Tensor]:
        """The tuned parameters of `net` by name: from the cache, or made now and kept there.

        The cache knows them by the budget, `settings`, all weights of `net`, and `parts`.

        Args:
            what: named in the progress, e.g. "object 3"; decides nothing.
            net: the parent; it does not change.
            parts: all else that decides the result: what `draw` and `loss` are made of (the
                annotated frames, their settings, the method's name), as `FineTuneCache.key` takes.
            tuned: as for `fine_tune`.
            loss: as for `fine_tune`.
            draw: as for `fine_tune`.
            settings: as for `fine_tune`.

        Raises:
            KeyboardInterrupt: the same call goes on where this one was.
        """
        names = [name for name, _ in net.named_parameters() if tuned(name)]
        key = self.cache.key(_VERSION, self.budget, settings, names, net.state_dict(), parts)
        kept = self.cache.get(key)
        if kept is not None:
            return kept
        progress = self.progress
        result = fine_tune(
            net,
            tuned=tuned,
            loss=loss,
            draw=draw,
            settings=settings,
            budget=self.budget,
            partial=self.cache.partial(key),
            progress=progress and (lambda *state: progress(what, *state)),
        )
        if self.made:
            self.made(what, result)
        about = {"what": what, "budget": str(self.budget), "steps": str(result.steps)}
        self.cache.put(key, result.tensors, about)
        return result.tensors
