"""All files of one frame after the other, and now and then a checkpoint behind them."""

from collections.abc import Sequence
from typing import Any

from propago.io.source import Source
from propago.pipeline import Checkpoint
from propago.runs.checkpoints import Checkpoints, due
from propago.runs.journal import FrameLog
from propago.runs.same_source import file_bytes
from propago.runs.writers import Result, Writer


class ResultFiles:
    """Writes one frame's results after the other, and now and then where the run stands.

    A checkpoint is written after everything of its frame and the frames before, so that a run
    killed at any moment goes on from it without a gap.
    """

    def __init__(
        self, source: Source, writers: Sequence[Writer], log: FrameLog, checkpoints: Checkpoints
    ) -> None:
        """Of the frames of `source`: what `writers` write, a line in `log`, `checkpoints`."""
        self._source, self._writers = source, writers
        self._log, self._checkpoints = log, checkpoints
        self._last: Checkpoint | None = None

    @property
    def count(self) -> int:
        """How many frames have results."""
        return self._log.count

    def write(self, item: tuple[Result, float]) -> None:
        """Write a frame's result, which came after so many seconds.

        Raises:
            OutputError: it cannot be written.
        """
        result, seconds = item
        for writer in self._writers:
            writer.write(result)
        size = file_bytes(self._source, result.frame.index)
        self._log.append(_log_line(result, seconds, size))
        self._last = result.checkpoint
        if due(self._log.count):
            self.save_checkpoint()

    def save_checkpoint(self) -> None:
        """Write down where the run stands, if there is a result.

        Raises:
            OutputError: it cannot be written.
        """
        if self._last:
            for part in (*self._writers, self._log):
                part.sync()
            self._checkpoints.save(self._last)


def _log_line(result: Result, seconds: float, size: int | None) -> dict[str, Any]:
    frame = result.frame
    return {
        "index": frame.index,
        "name": frame.name,
        "time_s": frame.time_s,
        **({} if size is None else {"bytes": size}),
        "objects": {
            str(i): {"area": shown.area, "score": round(shown.score, 4)}
            for i, shown in result.objects.items()
        },
        "seconds": round(seconds, 4),
    }
