"""An unfinished fine-tuning on the disk, so that an interrupted one goes on."""

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from torch import Tensor

from propago.errors import OutputError, PropagoWarning
from propago.io.checkpoint import CheckpointError, load_state, save_state

SAVE_EVERY_S = 10.0
_SAVING_SHARE = 0.05
"""Large networks are saved less often: at most this share of the time goes into it."""


@dataclass(frozen=True)
class UnfinishedState:
    """Where an unfinished fine-tuning stands; what its file holds.

    Attributes:
        tensors: the parameters as they are.
        best: those with the lowest held-out loss.
        moments: the optimiser's state, by parameter.
        step: steps done.
        seconds: spent.
        check_s: how long a check takes.
        running: mean of the last losses.
        history: as in `FineTuneResult`.
    """

    tensors: dict[str, Tensor]
    best: dict[str, Tensor]
    moments: dict[int, dict[str, Tensor]]
    step: int
    seconds: float
    check_s: float
    running: float
    history: tuple[tuple[int, float, float], ...]


class UnfinishedFile:
    """The file of an unfinished fine-tuning; where it cannot be written, that is said once."""

    def __init__(self, path: Path | None):
        """Keep nothing if `path` is None."""
        self.path = path
        self.written = monotonic()
        self.pause_s = SAVE_EVERY_S

    def read(self) -> UnfinishedState | None:
        """What the file holds; None without one, or with a damaged one."""
        if self.path is None or not self.path.exists():
            return None
        try:
            state = load_state(self.path)
        except CheckpointError:
            return None
        return state if isinstance(state, UnfinishedState) else None

    def maybe_write(self, state: Callable[[], UnfinishedState]) -> None:
        """Write it where the last time is long enough ago."""
        if monotonic() - self.written >= self.pause_s:
            self.write(state())

    def write(self, state: UnfinishedState) -> None:
        """Write it now."""
        if self.path is None:
            return
        began = monotonic()
        try:
            save_state(self.path, state)
        except (OSError, OutputError) as error:
            warnings.warn(
                f"the fine-tuning goes on but cannot be resumed if interrupted: {error}",
                PropagoWarning,
                stacklevel=3,
            )
            self.path = None
        self.written = monotonic()
        self.pause_s = max(SAVE_EVERY_S, (self.written - began) / _SAVING_SHARE)

    def delete(self) -> None:
        """The fine-tuning is complete."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink()
