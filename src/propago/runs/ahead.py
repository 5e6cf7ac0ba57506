"""What can be computed of a frame while the one before it is followed."""

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace
from typing import Any

from propago.errors import SourceError
from propago.ops.parallel import Task, team
from propago.types import Frame


def encoded_ahead(
    frames: Iterable[Frame], encoding: Callable[[Frame], Callable[[], Any]], depth: int = 1
) -> Iterator[Frame]:
    """The frames with `Frame.encoded`, made by whichever thread is free.

    An error of the source comes after every frame before it.

    Args:
        frames: in order.
        encoding: called in this thread when the frame `depth` before is asked for; what it returns
            is called by any, and makes `Frame.encoded`.
        depth: so many frames are taken ahead.

    Raises:
        SourceError: as `frames`.
    """
    workers, coming = team(), iter(frames)
    waiting: deque[tuple[Frame, Task[Any]]] = deque()
    damage, ended = None, False
    while True:
        while not ended and len(waiting) <= depth:
            try:
                frame = next(coming)
            except StopIteration:
                ended = True
            except SourceError as error:
                damage, ended = error, True
            else:
                waiting.append((frame, workers.later(encoding(frame))))
        if not waiting:
            break
        frame, task = waiting.popleft()
        yield replace(frame, encoded=workers.wait(task))
    if damage:
        raise damage


AHEAD_BYTES = 2**29
"""Frames that are held ahead take at most so much memory."""


def with_frames_ahead(
    frames: Iterable[Frame], given: Container[int], count: int
) -> Iterator[Frame]:
    """The frames; the annotated ones with the next ones as `Frame.ahead`.

    An error of the source comes after every frame before it.

    Args:
        frames: in order, of one size.
        given: the indices of annotated frames.
        count: so many next ones; fewer at the end, and of frames so large that they would take
            more than `AHEAD_BYTES`.

    Raises:
        SourceError: as `frames`.
    """
    coming, waiting = iter(frames), deque[Frame]()
    damage: SourceError | None = None
    while True:
        frame = waiting.popleft() if waiting else (None if damage else next(coming, None))
        if frame is None:
            break
        if frame.index in given:
            most = min(count, AHEAD_BYTES // frame.image.nbytes)
            try:
                while not damage and len(waiting) < most and (later := next(coming, None)):
                    waiting.append(later)
            except SourceError as error:
                damage = error
            frame = replace(frame, ahead=tuple(waiting)[:most])
        yield frame
    if damage:
        raise damage
