"""Where the time of a loop goes: seconds of each part."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import torch


@dataclass
class Clock:
    """Seconds of each part, and over how many frames or objects they are.

    A part within another one counts for itself alone: the seconds of all parts add up.

    Attributes:
        active: an inactive clock counts nothing and costs nothing.
        seconds: by part.
        counts: by part.
    """

    active: bool = True
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    _within: float = field(default=0.0, init=False, repr=False)

    @contextmanager
    def of(self, part: str, count: int = 1) -> Iterator[None]:
        """Count the time within; work on a GPU is waited for."""
        if not self.active:
            yield
            return
        _wait()
        began, within, self._within = perf_counter(), self._within, 0.0
        yield
        _wait()
        spent = perf_counter() - began
        self.add(part, spent - self._within, count)
        self._within = within + spent

    def add(self, part: str, seconds: float, count: int = 1) -> None:
        """Count time that was measured elsewhere."""
        if self.active:
            self.seconds[part] = self.seconds.get(part, 0.0) + seconds
            self.counts[part] = self.counts.get(part, 0) + count


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
