"""What can be computed of a frame while the one before it is followed."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
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
