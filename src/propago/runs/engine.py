"""The run engine: frames in, results of any loop, files out; it can be gone on with."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from propago.errors import OutputError, PropagoError, PropagoWarning, SourceError
from propago.io.source import Source
from propago.pipeline import Checkpoint
from propago.runs.background import BackgroundWriter, Prefetcher
from propago.runs.checkpoints import Checkpoints, due
from propago.runs.journal import EVERYTHING, FrameLog, names_behind
from propago.runs.options import Progress, RunOptions
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import give_back_memory
from propago.runs.record import first_change, new_record, now, refuse_other_inputs
from propago.runs.result_files import ResultFiles
from propago.runs.same_source import has_grown, refuse_other_source
from propago.runs.writers import Result, Writer
from propago.types import Frame

Loop = Callable[[Iterable[Frame], Checkpoint | None], Iterator[Result]]
"""Makes results of frames, in order, from behind a checkpoint on."""

_GOES_ON = "the same command with `resume` goes on"


@dataclass(frozen=True)
class RunSummary:
    """What a run has come to.

    Attributes:
        frames: how many have results.
        ids: the objects, in order of appearance.
        lost: for each object absent to the last frame, the index of the first frame without it.
        seconds: wall time of this run.
        frames_per_s: of the frames this run computed, everything included.
        uncertain: for each object the first and last frames of every stretch in which it is
            absent or weak after it has been there.
    """

    frames: int
    ids: tuple[int, ...]
    lost: dict[int, int]
    seconds: float
    frames_per_s: float
    uncertain: dict[int, list[tuple[int, int]]]


@dataclass(frozen=True)
class Run:
    """Everything the engine needs.

    Attributes:
        source: the frames.
        loop: what is done with them.
        output: where the results go.
        writers: what is written there, beside the frame log and the record.
        options: which frames, and what happens to an earlier run.
        inputs: all that decides the results, as JSON values. Equal inputs give equal results.
        given: digests of what is given for single frames, by their index: each decides the results
            from its frame on.
        about: more for the record.
        packages: whose classes a checkpoint may name.
    """

    source: Source
    loop: Loop
    output: OutputFolder
    writers: Sequence[Writer]
    options: RunOptions
    inputs: Mapping[str, Any]
    given: Mapping[int, str] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    packages: tuple[str, ...] = ("propago",)


def run(job: Run, progress: Progress | None = None) -> RunSummary:
    """Do a run, or what is left of it with `options.resume`.

    Raises:
        SourceError: the source is damaged; the frames before have been written.
        OutputError: the results cannot be written; earlier frames are intact.
        UsageError: `resume` of a run that was made of other inputs.
        KeyboardInterrupt: the run can be resumed.
    """
    output, options = job.output, job.options
    checkpoints = Checkpoints(output.checkpoints, job.source.selected, job.packages)
    earlier = output.read_record() if options.resume else {}
    changed = _first_change(job, earlier, checkpoints) if earlier else None
    if options.overwrite:
        output.clear()
    if earlier.get("status") == "done" and changed is None:
        if not has_grown(earlier, job.source):
            return _as_recorded(job, earlier, progress)
        _grow(job, earlier, checkpoints)
    checkpoint = checkpoints.last()
    record = new_record(job.source, options, job.inputs, job.given, job.about)
    record["resumed_after_frame"] = checkpoint.index if checkpoint else None
    output.make()
    output.write_record(record)
    if changed is not None:
        _undo(job, changed, checkpoint)
    with closing(FrameLog(output.frames, checkpoint.index if checkpoint else None)) as log:
        try:
            damage, timings = _compute(job, checkpoint, checkpoints, log, progress)
        except BaseException as error:
            told = _ended(output, record, log.count, error)
            if told is error:
                raise
            raise told from error
        summary = _summary(log, timings)
    ended = {
        "status": "damaged" if damage else "done",
        "frames": log.count,
        "objects": list(log.ids),
        "lost": {str(i): index for i, index in log.lost.items()},
        "timings": timings,
    }
    output.write_record(record | ended | {"finished": now()})
    if damage:
        raise SourceError(f"{damage}; the {log.count} frames before are in {output.masks}")
    return summary


def _first_change(job: Run, earlier: Mapping[str, Any], checkpoints: Checkpoints) -> int | None:
    """The first frame for which other masks are given; checkpoints from there on are deleted.

    Raises:
        UsageError: the run that `earlier` tells of cannot be gone on with.
    """
    output, where = job.output, str(job.output.root)
    refuse_other_inputs(earlier, job.inputs, where)
    changed = first_change(earlier, job.given, where)
    kept = checkpoints.last_index(changed)
    if changed is None and earlier.get("status") == "done":
        kept = EVERYTHING
    if kept is not None:
        refuse_other_source(earlier, output.frames, job.source, kept, output.root)
    if changed is not None:
        checkpoints.drop_from(changed)
    return changed


def _grow(job: Run, earlier: Mapping[str, Any], checkpoints: Checkpoints) -> None:
    """Go on behind the end that a source had; its last frame was followed by none."""
    selected, before = job.source.selected, earlier["source"]["frame_count"]
    checkpoints.drop_from(selected[before - 1])
    warnings.warn(
        f"{job.source.name} has {job.source.frame_count} frames now, and had {before} when the run "
        "was made: it goes on with the new ones",
        PropagoWarning,
        stacklevel=3,
    )


def _undo(job: Run, changed: int, checkpoint: Checkpoint | None) -> None:
    """Delete what an earlier run made behind `checkpoint`, and say so.

    `changed` is the first frame for which something else is given now.
    """
    output, behind = job.output, checkpoint.index if checkpoint else None
    output.forget(names_behind(output.frames, behind))
    if behind is None:
        told = "no checkpoint lies before it, every frame is made again"
    else:
        told = f"going on from frame {behind + job.source.selected.step}, the frames before stay"
    warnings.warn(
        f"other masks are given, which count from frame {changed} on: {told}",
        PropagoWarning,
        stacklevel=3,
    )


def _compute(
    job: Run,
    checkpoint: Checkpoint | None,
    checkpoints: Checkpoints,
    log: FrameLog,
    progress: Progress | None,
) -> tuple[SourceError | None, dict[str, float]]:
    """Compute and write all frames that are left.

    Returns:
        The damage that ended the source, if any, and how long things took.
    """
    begun, known = perf_counter(), log.count
    with ExitStack() as stack:
        for writer in job.writers:
            writer.open(job.output, checkpoint.index if checkpoint else None)
            stack.enter_context(writer)
        files = ResultFiles(job.source, job.writers, log, checkpoints)
        damage, timings = _follow(job, checkpoint, files, progress)
    seconds = perf_counter() - begun
    for writer in job.writers:
        writer.complete(job.output, log.count, progress)
    timings["seconds"] = seconds
    timings["frames_per_s"] = (log.count - known) / seconds
    return damage, {name: round(value, 3) for name, value in timings.items()}


def _follow(
    job: Run, checkpoint: Checkpoint | None, files: ResultFiles, progress: Progress | None
) -> tuple[SourceError | None, dict[str, float]]:
    """Frames are decoded in one thread, followed in this one, written in a third."""
    damage, done = None, files.count
    away: BackgroundWriter[tuple[Result, float]] = BackgroundWriter(files.write)
    with Prefetcher(job.source.frames(checkpoint.index + 1 if checkpoint else 0)) as frames:
        try:
            for result, seconds in _timed(job.loop(frames, checkpoint)):
                away.put((result, seconds))
                done += 1
                if due(done):
                    give_back_memory()
                if progress:
                    progress(done, job.source.frame_count, job.source.name)
        except SourceError as error:
            damage = error
        except BaseException:
            with suppress(PropagoError):
                away.finish()
                files.save_checkpoint()
            raise
        away.finish()
    if damage:
        if not files.count:
            raise damage
        files.save_checkpoint()
    return damage, {"waited_for_frames_s": frames.waited_s, "waited_for_writing_s": away.waited_s}


def _timed(results: Iterator[Result]) -> Iterator[tuple[Result, float]]:
    """Each result with the seconds it took to come."""
    while True:
        begun = perf_counter()
        result = next(results, None)
        if result is None:
            return
        yield result, perf_counter() - begun


def _ended(
    output: OutputFolder, record: dict[str, Any], frames: int, error: BaseException
) -> BaseException:
    """Record how the run ended, and the error to raise: it says what is kept.

    Of a failure before the first frame nothing is kept, so that it does not stand in the way.
    """
    interrupted = isinstance(error, KeyboardInterrupt)
    if not (frames or interrupted or output.has_backwards):
        with suppress(OSError, OutputError):
            output.clear()
            output.root.rmdir()
        return error
    status = {"status": "interrupted" if interrupted else "failed", "error": str(error)}
    with suppress(OutputError):
        output.write_record(record | status | {"frames": frames, "finished": now()})
    if _GOES_ON in str(error):  # a run inside this one has said it
        return error
    kept = f"{frames} frames are kept in {output.root}; {_GOES_ON}"
    if interrupted:
        return KeyboardInterrupt(f"interrupted; {kept}")
    if isinstance(error, OutputError):
        return OutputError(f"{error}; {kept}")
    return error


def _as_recorded(job: Run, record: Mapping[str, Any], progress: Progress | None) -> RunSummary:
    """The summary of a run that was complete before."""
    with closing(FrameLog(job.output.frames, EVERYTHING)) as log:
        for writer in job.writers:
            writer.complete(job.output, log.count, progress)
        return _summary(log, record["timings"])


def _summary(log: FrameLog, timings: Mapping[str, float]) -> RunSummary:
    seconds, speed = timings["seconds"], timings["frames_per_s"]
    return RunSummary(log.count, log.ids, log.lost, seconds, speed, log.uncertain)
