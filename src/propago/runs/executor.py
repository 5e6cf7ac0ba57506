"""Independent tasks, in this process or in several, of which one may be killed."""

import pickle
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar, cast

from propago.errors import PropagoError, UsageError

Task = TypeVar("Task")
Result = TypeVar("Result")


def map_tasks(
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    jobs: int = 1,
    on_death: Callable[[Task, str], Result] | None = None,
) -> Iterator[Result]:
    """What `work` makes of each task, in their order.

    Args:
        work: with several jobs it is pickled once for each process, so that what it loads at its
            first task serves the others.
        tasks: with several jobs, they and their results are pickled.
        jobs: processes; 1 is this one. They are spawned: nothing is inherited.
        on_death: makes the result of a task whose process was killed, of the task and of how it
            ended; another process does the tasks behind it. Without it a death is an error.

    Raises:
        UsageError: fewer than one job.
        PropagoError: what `work` raises; or a process ended by itself.
    """
    require_a_job(jobs)
    if jobs == 1:
        yield from map(work, tasks)
        return
    waiting = deque(enumerate(tasks))
    total, done = len(waiting), {}
    workers = [_Worker(work) for _ in range(min(jobs, total))]
    try:
        for n in range(total):
            while n not in done:
                for worker in _heard(workers):
                    done |= worker.take_in(on_death)
                    if waiting and worker.is_idle:
                        worker.give(*waiting.popleft())
            yield done.pop(n)()
    finally:
        for worker in workers:
            worker.end()


def require_a_job(jobs: int) -> None:
    """Refuse fewer than one task at a time.

    Raises:
        UsageError: they are fewer.
    """
    if jobs < 1:
        raise UsageError(f"`jobs` is {jobs}; it is at least 1")


class _Worker:
    """A process that does one task after the other, and another one if it is killed.

    Attributes:
        is_idle: it has no task, and is ready for one.
    """

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work = work
        self._start()

    def _start(self) -> None:
        self._given: tuple[int, Any] | None = None
        self.is_idle = False
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._work))
        with suppress(BrokenPipeError):  # it is dead already, as its end of the pipe says
            self._process.start()
        theirs.close()

    def give(self, number: int, task: Any) -> None:
        """A task to do."""
        self._given, self.is_idle = (number, task), False
        with suppress(OSError):  # as above
            self.pipe.send(task)

    def take_in(self, on_death: Callable[[Any, str], Any] | None) -> dict[int, Callable[[], Any]]:
        """What has become of its task, by number: a call that returns its result or raises.

        Raises:
            PropagoError: the process is dead and `on_death` does not help.
        """
        given = self._given
        try:
            reply = self.pipe.recv()
        except (EOFError, OSError):
            how = self._ending()
            if on_death is None or (given is None and not self.is_idle):
                raise _ended_by_itself(how) from None
            self._start()
            return {given[0]: lambda: on_death(given[1], how)} if given else {}
        self._given, self.is_idle = None, True
        return {given[0]: lambda: _opened(*reply)} if given else {}

    def _ending(self) -> str:
        self._join()
        code = self._process.exitcode or 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def end(self) -> None:
        """Wait for what it does, and let it go."""
        self.pipe.close()
        self._join()

    def _join(self) -> None:
        if self._process.pid is not None:
            self._process.join()


def _heard(workers: list[_Worker]) -> list[_Worker]:
    """Those that have something to say, when there is one."""
    speaking = wait([worker.pipe for worker in workers])
    return [worker for worker in workers if worker.pipe in speaking]


def _opened(succeeded: bool, value: Any) -> Any:
    if succeeded:
        return value
    raise value


def _ended_by_itself(how: str) -> PropagoError:
    return PropagoError(
        f"a process of `jobs` ended by itself ({how}): out of memory, or a script without "
        'the guard `if __name__ == "__main__":` around its calls; `jobs` = 1 needs neither'
    )


def _serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    """In a process: say that it is there, then whether and what `work` returned of each task."""
    reply: tuple[bool, Any] = True, None
    with suppress(EOFError, OSError):  # nobody listens any more
        while True:
            pipe.send(reply)
            task = pipe.recv()
            try:
                reply = True, work(task)
            except BaseException as error:
                reply = False, _portable(error)


def _portable(error: BaseException) -> BaseException:
    """An error that can be sent, with its traceback as a note."""
    told = "".join(traceback.format_exception(error))
    try:
        sent = cast(BaseException, pickle.loads(pickle.dumps(error)))
    except Exception:
        return PropagoError(f"unexpected {type(error).__name__}: {error}")
    sent.add_note(told)
    return sent
