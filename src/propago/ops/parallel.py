"""The work of a frame on several cores: many small tasks, each on one core.

PyTorch's own threads meet at a barrier after every operation, which costs more than it gives where
operations are short, and starves beside other programs. Here every task is computed by one thread
from its beginning to its end, and whoever waits for a task takes another one meanwhile. So results
do not depend on how many threads there are. A long task of `Team.later` gives way to short ones
that are waited for.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class Task(Generic[Result]):
    """Something to be computed, by whoever is free."""

    def __init__(self, work: Callable[[], Result]) -> None:
        """`work` is called once, with the gradients and the precision of the calling thread."""
        self._work = work
        self._with_gradients = torch.is_grad_enabled()
        self._precision = torch.get_autocast_dtype("cpu"), torch.is_autocast_enabled("cpu")
        self._result: Result | None = None
        self._error: BaseException | None = None
        self.done = False

    def run(self) -> None:
        """Compute it; an error is kept for `result`."""
        try:
            dtype, lower = self._precision
            with (
                torch.set_grad_enabled(self._with_gradients),
                torch.autocast("cpu", dtype, enabled=lower),
            ):
                self._result = self._work()
        except BaseException as error:
            self._error = error
        self._work = _nothing
        self.done = True

    @property
    def result(self) -> Any:
        """What `work` returned, once it is done.

        Raises:
            BaseException: what `work` raised.
        """
        if self._error is not None:
            raise self._error
        return self._result


class Team:
    """The calling thread and `threads` - 1 others, which take tasks from one list."""

    def __init__(self, threads: int) -> None:
        """Start the other threads; they end with the program."""
        self._urgent: deque[Task] = deque()
        self._later: deque[Task] = deque()
        self._changed = threading.Condition()
        torch.get_num_threads()  # settles it: what another thread sets later is for that one alone
        for _ in range(threads - 1):
            threading.Thread(target=self._help, name="propago-team", daemon=True).start()

    def later(self, work: Callable[[], Result]) -> Task[Result]:
        """A task that is begun when nothing else is to be done, or when it is waited for."""
        return self._add(self._later, [Task(work)])[0]

    def wait(self, task: Task[Result]) -> Result:
        """The result of a task of `later`; others are done while it is computed elsewhere.

        Raises:
            BaseException: what the task raised.
        """
        return self._finish(task, (self._urgent, self._later))

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """`work` of every item, in order; in the calling thread alone where gradients are kept.

        A backward pass adds up in the order in which one thread did its operations; between those
        of several threads its order, and so the last digits of its sums, would be left to chance.

        Raises:
            BaseException: what `work` raised on the first of the items that it raised on.
        """
        if torch.is_grad_enabled():
            return [work(item) for item in items]
        tasks = self._add(self._urgent, [Task(lambda item=item: work(item)) for item in items])
        return [self._finish(task, (self._urgent,)) for task in tasks]

    def _add(self, tasks: deque[Task], new: list[Task]) -> list[Task]:
        with self._changed:
            tasks.extend(new)
            self._changed.notify_all()
        return new

    def _finish(self, task: Task[Result], lists: tuple[deque[Task], ...]) -> Result:
        """The result of a task; while it is computed elsewhere, tasks of `lists` are done here."""
        with one_core():
            while not task.done:
                with self._changed:
                    other = _taken(lists, task)
                    if other is None and not task.done:
                        self._changed.wait()
                if other is not None:
                    self._run(other)
        return task.result

    def _run(self, task: Task) -> None:
        task.run()
        with self._changed:
            self._changed.notify_all()

    def give_way(self) -> None:
        """Compute what is urgent now."""
        while True:
            with self._changed:
                task = _taken((self._urgent,))
            if task is None:
                return
            self._run(task)

    def _help(self) -> None:
        torch.set_num_threads(1)
        _helping.team = self
        while True:
            with self._changed:
                while (task := _taken((self._urgent, self._later))) is None:
                    self._changed.wait()
            self._run(task)


def _taken(lists: tuple[deque[Task], ...], wanted: Task | None = None) -> Task | None:
    """A task that nobody has begun, no longer in its list: `wanted`, or the first there is."""
    for tasks in lists:
        if wanted in tasks:
            tasks.remove(wanted)
            return wanted
    return next((tasks.popleft() for tasks in lists if tasks), None)


@cache
def _team_of(threads: int) -> Team:
    return Team(threads)


class _Helping(threading.local):
    """The team that the thread belongs to."""

    team: Team | None = None


_helping = _Helping()


def give_way() -> None:
    """What is waited for is computed first; a long task of `Team.later` calls this now and then."""
    if _helping.team:
        _helping.team.give_way()


class _Outside(threading.local):
    """How many threads PyTorch may use outside of `one_core`; 0 outside."""

    threads = 0


_outside = _Outside()


def team() -> Team:
    """As many threads as PyTorch may use in the calling one."""
    return _team_of(_outside.threads or torch.get_num_threads())


@contextmanager
def one_core() -> Iterator[None]:
    """Inside, PyTorch computes every operation of the calling thread in that thread alone.

    What is to be computed on several cores is given to `team`.
    """
    outside = _outside.threads
    if outside:
        yield
        return
    _outside.threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(_outside.threads)
        _outside.threads = 0


def _nothing() -> Any:
    return None
