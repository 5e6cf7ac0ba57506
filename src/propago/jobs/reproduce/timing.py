"""Where the time of a run goes: the parts of Seg-with-SPN, each with a stopwatch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from propago.finetune.loop import FineTuneResult
from propago.methods.seg_with_spn.run import SegState, SegWithSpn
from propago.types import Cleaner, Event, Frame, Refiner, SoftMasks


@dataclass(frozen=True)
class Tuning:
    """One fine-tuning that was made: of what, how many steps, seconds of wall time.

    Of one that was interrupted the parts count together.
    """

    what: str
    steps: int
    seconds: float


@dataclass
class Clock:
    """Seconds of each part, and over how many frames or objects."""

    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    tunings: list[Tuning] = field(default_factory=list)

    @contextmanager
    def of(self, part: str, count: int) -> Iterator[None]:
        """Counts the time within; work on a GPU is waited for."""
        _wait()
        began = perf_counter()
        yield
        _wait()
        self.seconds[part] = self.seconds.get(part, 0.0) + perf_counter() - began
        self.counts[part] = self.counts.get(part, 0) + count

    def tuned(self, what: str, result: FineTuneResult) -> None:
        """Notes a fine-tuning that was made, as `FineTuning.made`."""
        self.tunings.append(Tuning(what, result.steps, result.seconds))


class TimedSegWithSpn(SegWithSpn):
    """The method, on a clock."""

    clock: Clock

    def foreground(self, state: SegState, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """As in `SegWithSpn`."""
        with self.clock.of("foreground", 1):
            return super().foreground(state, picture, size)

    def objects(self, state: SegState, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """As in `SegWithSpn`."""
        with self.clock.of("objects", len(state.ids)):
            return super().objects(state, picture, size)


class TimedRefiner:
    """A refiner, on a clock."""

    def __init__(self, refiner: Refiner, clock: Clock):
        self.refiner, self.clock = refiner, clock
        self.description = getattr(refiner, "description", {})

    def __call__(self, frame: Frame, scores: SoftMasks) -> SoftMasks:
        """As the refiner; frames without objects are not counted."""
        if not scores.ids:
            return scores
        with self.clock.of("spn", len(scores.ids)):
            return self.refiner(frame, scores)


class TimedCleaner:
    """A cleaner, on a clock."""

    def __init__(self, cleaner: Cleaner, clock: Clock):
        self.cleaner, self.clock = cleaner, clock
        self.description = cleaner.description

    def begin(self) -> Any:
        """As the cleaner."""
        return self.cleaner.begin()

    def filter(self, state: Any, scores: SoftMasks) -> tuple[SoftMasks, tuple[Event, ...]]:
        """As the cleaner; frames without objects are not counted."""
        if not scores.ids:
            return scores, ()
        with self.clock.of("craf", len(scores.ids)):
            return self.cleaner.filter(state, scores)

    def update(self, state: Any, scores: SoftMasks) -> Any:
        """As the cleaner; belongs to the objects counted by `filter`."""
        with self.clock.of("craf", 0):
            return self.cleaner.update(state, scores)


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
