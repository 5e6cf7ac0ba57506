"""The connected-region-aware filter in a run, with what it did to each frame."""

from dataclasses import asdict
from typing import Any

from propago.refinement.craf import Craf, CrafState
from propago.refinement.craf_rules import Event
from propago.types import Scores


class LoggedCraf:
    """The filter as a `Cleaner` that keeps what it did.

    Attributes:
        events: what was done to the last frame that went through `filter`.
    """

    def __init__(self, craf: Craf | None = None) -> None:
        self.events: tuple[Event, ...] = ()
        self._craf = craf or Craf()

    def begin(self) -> CrafState:
        """As `Craf.begin`."""
        return self._craf.begin()

    def filter(self, state: CrafState, scores: Scores) -> Scores:
        """As `Craf.filter`.

        Raises:
            MaskError: scores that are not numbers in [0, 1], or of another size than before.
        """
        cleaned, self.events = self._craf.explain(state, scores)
        return cleaned

    def update(self, state: CrafState, scores: Scores) -> CrafState:
        """As `Craf.update`.

        Raises:
            MaskError: scores of another size than before.
        """
        return self._craf.update(state, scores)


def line_of(event: Event, **frame: int | str) -> dict[str, Any]:
    """A line of clean.jsonl: the frame, then id, what, why, area_px and box."""
    return {**frame, **asdict(event)}
