"""Work beside the main thread: items fetched ahead of it, and results put away behind it."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Generic, Self, TypeVar

import torch

Item = TypeVar("Item")

_END = object()
_POLL_S = 0.1


def _started(work: Callable[[], None], name: str) -> threading.Thread:
    """A running thread in which PyTorch works on one core; the calling thread keeps its own number.

    A second pool of OpenMP threads beside the main one outnumbers the cores, and libgomp then lets
    the threads of both sleep at every barrier: the main thread's work takes twice as long.
    """
    torch.get_num_threads()  # settles it: what another thread sets later is for new threads alone

    def run() -> None:
        torch.set_num_threads(1)
        work()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


class Prefetcher(Generic[Item]):
    """Iterates over `items` while a thread fetches up to `depth` of them ahead.

    An error of the source is raised in the consumer after every item that came before it. When the
    consumer stops early, `close` ends the thread.
    """

    def __init__(self, items: Iterable[Item], depth: int = 3) -> None:
        """Fetching starts with the first `next`."""
        self.waited_s = 0.0
        self._items = items
        self._ready: queue.Queue = queue.Queue(depth)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def __iter__(self) -> Iterator[Item]:
        """Yield the items; waiting for them is counted in `waited_s`."""
        self._thread = _started(self._fetch, "propago-fetch")
        while True:
            began = perf_counter()
            item, error = self._ready.get()
            self.waited_s += perf_counter() - began
            if error is not None:
                raise error
            if item is _END:
                return
            yield item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread; what was fetched and not consumed is dropped."""
        self._stopped.set()
        if self._thread:
            self._thread.join()

    def _fetch(self) -> None:
        try:
            for item in self._items:
                if not self._offer(item, None):
                    return
            self._offer(_END, None)
        except BaseException as error:
            self._offer(None, error)

    def _offer(self, item: object, error: BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._ready.put((item, error), timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False


class BackgroundWriter(Generic[Item]):
    """Calls `work` on each item in a thread, in order; at most `depth` items wait.

    The first error of `work` stops it and is raised by the next `put` or by `finish`.
    """

    def __init__(self, work: Callable[[Item], None], depth: int = 3) -> None:
        """Start the thread."""
        self.waited_s = 0.0
        self._work = work
        self._waiting: queue.Queue = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = _started(self._run, "propago-put-away")

    def put(self, item: Item) -> None:
        """Hand over an item; waits while the queue is full.

        Raises:
            Exception: what `work` raised on an earlier item.
        """
        began = perf_counter()
        self._waiting.put(item)
        self.waited_s += perf_counter() - began
        self._raise()

    def finish(self) -> None:
        """Wait until every item is put away.

        Raises:
            Exception: what `work` raised.
        """
        self._waiting.put(_END)
        self._thread.join()
        self._raise()

    def _run(self) -> None:
        while (item := self._waiting.get()) is not _END:
            if self._error is None:
                try:
                    self._work(item)
                except BaseException as error:
                    self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
