"""What depends on a frame alone is computed while the frames before it are followed."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from propago.errors import SourceError
from propago.ops.parallel import Task, team
from propago.types import Frame

DEPTH = 2
"""So many frames are encoded ahead of the one that is followed."""


def encoded_ahead(
    frames: Iterable[Frame], encode: Callable[[Frame], Any], depth: int = DEPTH
) -> Iterator[Frame]:
    """The frames with `Frame.encoded`, made by whichever thread is free.

    An error of the source comes after every frame before it.

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
                waiting.append((frame, workers.later(partial(encode, frame))))
        if not waiting:
            break
        frame, task = waiting.popleft()
        yield replace(frame, encoded=workers.wait(task))
    if damage:
        raise damage
