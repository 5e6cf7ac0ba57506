"""Refiner and cleaner on a clock."""

from typing import Any

from propago.clock import Clock
from propago.types import Cleaner, Event, Frame, Refiner, SoftMasks


class TimedRefiner:
    """A refiner, on a clock."""

    def __init__(self, refiner: Refiner, clock: Clock):
        self.refiner, self.clock = refiner, clock
        self.description = getattr(refiner, "description", {})

    def __call__(self, frame: Frame, scores: SoftMasks) -> SoftMasks:
        """As the refiner; frames without objects are not counted."""
        if not scores.ids:
            return scores
        with self.clock.of("refine", len(scores.ids)):
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
        with self.clock.of("clean", len(scores.ids)):
            return self.cleaner.filter(state, scores)

    def update(self, state: Any, scores: SoftMasks) -> Any:
        """As the cleaner; belongs to the objects counted by `filter`."""
        with self.clock.of("clean", 0):
            return self.cleaner.update(state, scores)
