"""Independent tasks, in this process or in several."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from propago.errors import PropagoError, UsageError

Task = TypeVar("Task")
Result = TypeVar("Result")

_work: Callable[[Any], Any] | None = None
"""In a process of a pool: what it does with each of its tasks."""


def map_tasks(
    work: Callable[[Task], Result], tasks: Iterable[Task], jobs: int = 1
) -> Iterator[Result]:
    """What `work` makes of each task, in their order.

    Args:
        work: with several jobs it is pickled once for each process, so that what it loads at its
            first task serves the others.
        tasks: with several jobs, they and their results are pickled.
        jobs: processes; 1 is this one. They are spawned: nothing is inherited.

    Raises:
        UsageError: fewer than one job.
        PropagoError: what `work` raises; or a process ended by itself.
    """
    if jobs < 1:
        raise UsageError(f"`jobs` is {jobs}; it is at least 1")
    if jobs == 1:
        yield from map(work, tasks)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_take, initargs=(work,))
    try:
        yield from pool.map(_do, tasks)
    except BrokenProcessPool as error:
        raise PropagoError(
            f"a process of `jobs` = {jobs} ended by itself: out of memory, or a script without "
            'the guard `if __name__ == "__main__":` around its calls; `jobs` = 1 needs neither'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _take(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work


def _do(task: Any) -> Any:
    assert _work
    return _work(task)
