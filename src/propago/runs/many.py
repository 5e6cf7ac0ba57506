"""Many videos, whatever is done with each: one that fails does not stop the others."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from propago.errors import PropagoError
from propago.io.manifest import ManifestEntry, shard_of
from propago.runs.cluster import map_on_cluster
from propago.runs.executor import map_tasks
from propago.runs.journal import LineLog
from propago.runs.options import ManyOptions, Progress
from propago.runs.output_folder import OutputFolder


class OfOne(Protocol):
    """What came of one video."""

    @property
    def out(self) -> Path:
        """Its folder."""
        ...

    @property
    def frames(self) -> int:
        """How many have masks."""
        ...


Result = TypeVar("Result", bound=OfOne)
Work = Callable[[ManifestEntry, OutputFolder, bool], Result]
"""Of a video, its folder, and whether a process that was killed has begun it."""


@dataclass(frozen=True)
class ManyResults(Generic[Result]):
    """What came of many videos.

    Attributes:
        out: holds a folder for each video, and the journal.
        journal: JSON lines, one for each video: name, status "done" or "failed", and why.
        results: of the videos that are done, in their order.
        failed: why, by the name of each video that is not.
        kept: of `refine_many` and `clean_many` with `resume`: the videos that had been done before.
    """

    out: Path
    journal: Path
    results: tuple[Result, ...]
    failed: dict[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()


def run_many(
    work: Work[Result],
    entries: Sequence[ManifestEntry],
    base: Path,
    many: ManyOptions,
    *,
    overwrite: bool,
    resume: bool,
    goes_on: bool = True,
    progress: Progress | None = None,
) -> ManyResults[Result]:
    """Do the work of a verb on each video, in a folder of its own.

    Args:
        work: what the verb makes of a video. With several processes it is pickled once for each.
        entries: the videos.
        base: holds the folders and the journal.
        many: how many at a time, where, and which.
        overwrite: folders may hold results, which `work` deletes.
        resume: folders may hold results of an earlier run.
        goes_on: `work` itself knows what an interrupted run has done; otherwise `resume` keeps
            what the journals call done, and makes the rest anew.
        progress: called as (videos done, videos in all, "videos").

    Raises:
        UsageError: a folder holds results, no such shard, fewer than one process, no such cluster.
    """
    entries = shard_of(list(entries), many.shard)
    for entry in entries:
        inputs = [path for path in (entry.source, entry.given) if path]
        OutputFolder(base / entry.name).refuse(inputs, overwrite=overwrite, resume=resume)
    before = {} if goes_on or not resume else _done_in(base)
    kept = [entry.name for entry in entries if entry.name in before]
    part = f"-{many.shard.replace('/', '-of-')}" if many.shard else ""
    OutputFolder(base).make()
    journal = base / f"journal{part}.jsonl"
    log, results, failed = LineLog(journal, None), [], {}
    try:
        log.append(*(before[name] for name in kept))
        tasks = [entry for entry in entries if entry.name not in before]
        for done in _carried_out(_Guarded(work, base), tasks, many):
            log.append(done.line)
            if done.result is not None:
                results.append(done.result)
            else:
                failed[done.name] = done.error
            if progress:
                progress(len(results) + len(failed), len(tasks), "videos")
    finally:
        log.close()
    return ManyResults(base, journal, tuple(results), failed, tuple(kept))


def _carried_out(
    work: "_Guarded[Result]", tasks: Sequence[ManifestEntry], many: ManyOptions
) -> "Iterator[_Done[Result]]":
    if many.cluster is None:
        return map_tasks(work, tasks, many.jobs, _killed)
    work = replace(work, base=work.base.absolute())
    return map_on_cluster(
        work, [entry.absolute() for entry in tasks], many.cluster, many.jobs, _killed
    )


def shared_threads(threads: int | None, jobs: int) -> int | None:
    """Each of several processes gets its share of the processor where nothing is said."""
    if threads is not None or jobs < 2:
        return threads
    return max(1, (os.cpu_count() or 1) // jobs)


@dataclass(frozen=True)
class _Done(Generic[Result]):
    """What came of one video: a result, or why there is none."""

    name: str
    result: Result | None = None
    error: str = ""

    @property
    def line(self) -> dict[str, Any]:
        """Of the journal."""
        if self.result is None:
            return {"name": self.name, "status": "failed", "error": self.error}
        return {"name": self.name, "status": "done", "frames": self.result.frames}


@dataclass(frozen=True)
class _Guarded(Generic[Result]):
    """Work whose errors are results."""

    work: Work[Result]
    base: Path

    def __call__(self, entry: ManifestEntry, again: bool = False) -> _Done[Result]:
        output = OutputFolder(self.base / entry.name)
        try:
            return _Done(entry.name, self.work(entry, output, again))
        except PropagoError as error:
            return _Done(entry.name, error=str(error))
        except Exception as error:  # of one video; the others go on
            return _Done(entry.name, error=f"unexpected {type(error).__name__}: {error}")


def _killed(entry: ManifestEntry, how: str) -> _Done:
    return _Done(
        entry.name,
        error=f"its process was ended from outside ({how}), as a system does that is out of "
        "memory; fewer `jobs` need less, and `resume` goes on",
    )


def _done_in(base: Path) -> dict[str, dict[str, Any]]:
    """The lines of the videos that the journals of all shards call done, by name."""
    done = {}
    for journal in sorted(base.glob("journal*.jsonl")):
        for text in journal.read_text("utf-8").splitlines():
            with suppress(ValueError, KeyError, TypeError):  # a line that was cut off
                line = json.loads(text)
                if line["status"] == "done":
                    done[line["name"]] = line
    return done
