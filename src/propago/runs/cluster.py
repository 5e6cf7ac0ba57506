"""Independent tasks on a Ray cluster, whose workers may be killed."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from propago.errors import PropagoError, UsageError
from propago.runs.executor import require_a_job

Task = TypeVar("Task")
Result = TypeVar("Result")

ATTEMPTS = 3
"""A task is given up when so many workers have died of it."""

LOCAL = "local"
"""The workers are of this machine, and end with the run."""


def map_on_cluster(
    work: Callable[[Task, bool], Result],
    tasks: Iterable[Task],
    cluster: str,
    workers: int,
    on_death: Callable[[Task, str], Result],
) -> Iterator[Result]:
    """What `work` makes of each task, in their order; each worker keeps what `work` loads.

    Args:
        work: called with a task and whether it was begun by a worker that was killed. It is pickled
            once for each worker.
        tasks: they and their results are pickled.
        cluster: as `refuse_unknown_cluster`.
        workers: tasks at a time; Ray waits until the cluster has a processor for each.
        on_death: makes the result of a task of which `ATTEMPTS` workers died.

    Raises:
        UsageError: no such cluster, fewer than one worker, or the extra `cluster` is missing.
        PropagoError: the cluster cannot be reached, or what `work` raises.
    """
    refuse_unknown_cluster(cluster)
    require_a_job(workers)
    waiting = deque((n, task, 1) for n, task in enumerate(tasks))
    total, done = len(waiting), {}
    with _connected(cluster, workers) as ray:
        shared = ray.put(work)
        idle = deque(_new_actor(ray, shared) for _ in range(min(workers, total)))
        busy: dict[Any, tuple[Any, int, Any, int]] = {}
        for wanted in range(total):
            while wanted not in done:
                while idle and waiting:
                    actor, (n, task, attempt) = idle.popleft(), waiting.popleft()
                    busy[actor.do.remote(task, attempt > 1)] = (actor, n, task, attempt)
                (reply, *_), _ = ray.wait(list(busy))
                actor, n, task, attempt = busy.pop(reply)
                try:
                    done[n] = ray.get(reply)
                    idle.append(actor)
                except ray.exceptions.RayActorError as error:
                    idle.append(_new_actor(ray, shared))
                    if attempt < ATTEMPTS:
                        waiting.appendleft((n, task, attempt + 1))
                    else:
                        done[n] = on_death(task, str(error).splitlines()[0])
            yield done.pop(wanted)


def refuse_unknown_cluster(cluster: str) -> None:
    """Refuse what is neither "local", "ray" (RAY_ADDRESS, or the Ray that runs here) nor "ray://".

    Raises:
        UsageError: it is something else.
    """
    if cluster not in (LOCAL, "ray") and not cluster.startswith("ray://"):
        raise UsageError(
            f"`cluster` is {cluster!r}; it is local, ray (the one of RAY_ADDRESS, or that runs on "
            "this machine), or an address such as ray://head:10001"
        )


@contextmanager
def _connected(cluster: str, workers: int) -> Iterator[Any]:
    """Ray, with a cluster behind it; left as it was found."""
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "`cluster` needs Ray, which is not installed: pip install 'propago[cluster]'"
        ) from error
    where: dict[str, Any] = {"address": None if cluster == "ray" else cluster}
    if cluster == LOCAL:
        where |= {"num_cpus": workers, "include_dashboard": False}
    ours = not ray.is_initialized()
    try:
        if ours:
            ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        raise PropagoError(f"`cluster` {cluster} cannot be reached: {error}") from error
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _new_actor(ray: Any, work: Any) -> Any:
    return ray.remote(num_cpus=1, max_restarts=0)(_Actor).remote(work)


class _Actor:
    """A process of the cluster that does one task after the other."""

    def __init__(self, work: Callable[[Any, bool], Any]) -> None:
        self._work = work

    def do(self, task: Any, again: bool) -> Any:
        """What the work makes of a task."""
        return self._work(task, again)
