"""One run of `segment` on one source: from open inputs to a complete output folder."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from propago.errors import OutputError, PropagoError, SourceError
from propago.io.checkpoint import load_state
from propago.io.source import Source
from propago.jobs.annotations import AnnotationSet, write_boxed
from propago.jobs.frame_log import FrameLog
from propago.jobs.line_log import LineLog
from propago.jobs.options import Progress, SegmentOptions
from propago.jobs.processor import give_back_memory
from propago.jobs.record import (
    description_of,
    inputs_of,
    new_record,
    now,
    refiner_weights,
    refuse_other_inputs,
)
from propago.jobs.result_writer import (
    CHECKPOINT_EVERY_FRAMES,
    ResultWriter,
    is_wide,
    open_overlay,
    render_overlay,
)
from propago.jobs.run_folder import RunFolder
from propago.jobs.stages import BackgroundWriter, Prefetcher
from propago.pipeline import Checkpoint, Segmented, segment_frames
from propago.types import Cleaner, Propagator, Refiner


@dataclass(frozen=True)
class Run:
    """Everything one run needs; `refine` and `clean` are what `options` name, loaded."""

    source: Source
    first: AnnotationSet
    method: Propagator
    folder: RunFolder
    options: SegmentOptions
    refine: Refiner | None = None
    clean: Cleaner | None = None


@dataclass(frozen=True)
class SegmentResult:
    """What a run made.

    Attributes:
        name: of the source.
        out: the output folder.
        masks: the folder of masks, one PNG a frame.
        overlay: the video with the masks drawn in, None without one.
        frames: how many frames have masks.
        ids: the objects, in order of appearance.
        lost: for each object absent to the last frame, the index of the first frame without it.
        seconds: wall time of this run.
        frames_per_s: of the frames this run computed, everything included.
        notes: how the given masks were understood.
        method: the method, its preset, weights and their licence.
        refiner: weights of the refiner, their hash and licence; empty without one.
    """

    name: str
    out: Path
    masks: Path
    overlay: Path | None
    frames: int
    ids: tuple[int, ...]
    lost: dict[int, int]
    seconds: float
    frames_per_s: float
    notes: tuple[str, ...] = ()
    method: dict[str, Any] = field(default_factory=dict)
    refiner: dict[str, Any] = field(default_factory=dict)


def carry_out(run: Run, progress: Progress | None = None) -> SegmentResult:
    """Do the run, or what is left of it with `options.resume`.

    Raises:
        SourceError: the source is damaged; the frames before have been written.
        OutputError: the results cannot be written; earlier frames are intact.
        UsageError: `resume` of a run that was made of other inputs.
        KeyboardInterrupt: the run can be resumed.
    """
    inputs = inputs_of(run.source, run.first, run.method, run.options, run.refine)
    earlier = run.folder.read_record() if run.options.resume else {}
    if earlier:
        refuse_other_inputs(run.folder, earlier, inputs)
    elif run.options.overwrite:
        run.folder.clear()
    else:
        run.folder.refuse_results()
    if earlier.get("status") == "done":
        return _as_recorded(run, earlier)
    checkpoint = _last_checkpoint(run)
    record = new_record(run.source, run.first, run.options, inputs)
    record["resumed_after_frame"] = checkpoint.index if checkpoint else None
    run.folder.create(record, scores=run.options.save_scores)
    with closing(FrameLog(run.folder.frames, checkpoint.index if checkpoint else None)) as log:
        try:
            damage, timings = _compute(run, checkpoint, log, progress)
        except BaseException as error:
            told = _ended(run.folder, record, log.count, error)
            if told is error:
                raise
            raise told from error
    ended = {"status": "damaged" if damage else "done", **_summary(log), "timings": timings}
    run.folder.write_record(record | ended | {"finished": now()})
    if damage:
        raise SourceError(f"{damage}; the {log.count} frames before are in {run.folder.masks}")
    run.folder.checkpoint.unlink(missing_ok=True)
    return _result(run, log, timings)


def _last_checkpoint(run: Run) -> Checkpoint | None:
    """Where an earlier run in the folder stands, None where it has not come that far."""
    if not run.folder.checkpoint.exists():
        return None
    packages = ("propago", type(run.method).__module__.partition(".")[0])
    checkpoint = load_state(run.folder.checkpoint, packages)
    if not isinstance(checkpoint, Checkpoint):
        raise OutputError(f"{run.folder.checkpoint} is no checkpoint of a run; use --overwrite")
    return checkpoint


def _compute(
    run: Run, checkpoint: Checkpoint | None, log: FrameLog, progress: Progress | None
) -> tuple[SourceError | None, dict[str, float]]:
    """Segment, write and draw all frames that are left.

    Returns:
        The damage that ended the source, if any, and how long things took.
    """
    begun, known = perf_counter(), log.count
    if run.first.boxed:
        write_boxed(run.first.boxed, run.folder.given, run.folder.given_picture)
    with ExitStack() as stack:
        writer = _open_writer(run, checkpoint, log, stack)
        damage, timings = _segment_and_write(run, checkpoint, log, writer, progress)
    seconds = perf_counter() - begun
    if run.options.overlay and checkpoint is not None:
        render_overlay(run.folder, run.source, log.count, progress)
    timings["seconds"] = round(seconds, 3)
    timings["frames_per_s"] = round((log.count - known) / seconds, 3)
    return damage, timings


def _open_writer(
    run: Run, checkpoint: Checkpoint | None, log: FrameLog, stack: ExitStack
) -> ResultWriter:
    """The writer, and in `stack` the files that it appends to beside `log`."""
    video = clean_log = None
    if run.options.overlay and checkpoint is None:
        video = stack.enter_context(open_overlay(run.folder, run.source))
    if run.clean:
        last_index = checkpoint.index if checkpoint else None
        clean_log = stack.enter_context(closing(LineLog(run.folder.clean_log, last_index)))
    return ResultWriter(
        run.folder,
        log,
        wide=is_wide(run.first.ids),
        overlay=video,
        scores=run.options.save_scores,
        clean_log=clean_log,
    )


def _segment_and_write(
    run: Run,
    checkpoint: Checkpoint | None,
    log: FrameLog,
    writer: ResultWriter,
    progress: Progress | None,
) -> tuple[SourceError | None, dict[str, float]]:
    """Frames are decoded in one thread, segmented in this one, written in a third."""
    damage, done = None, log.count
    away: BackgroundWriter[tuple[Segmented, float]] = BackgroundWriter(
        lambda item: writer.write(*item)
    )
    with Prefetcher(run.source.frames(checkpoint.index + 1 if checkpoint else 0)) as ahead:
        results = segment_frames(
            ahead,
            run.first.given,
            run.method,
            refine=run.refine,
            clean=run.clean,
            resume=checkpoint,
        )
        try:
            for result, seconds in _timed(results):
                away.put((result, seconds))
                done += 1
                if done % CHECKPOINT_EVERY_FRAMES == 0:
                    give_back_memory()
                if progress:
                    progress(done, run.source.frame_count, run.source.name)
        except SourceError as error:
            damage = error
        except BaseException:
            with suppress(PropagoError):
                away.finish()
                writer.save_checkpoint()
            raise
        away.finish()
    if damage:
        if not log.count:
            raise damage
        writer.save_checkpoint()
    waits = {"waited_for_frames_s": ahead.waited_s, "waited_for_writing_s": away.waited_s}
    return damage, {name: round(seconds, 3) for name, seconds in waits.items()}


def _timed(results: Iterator[Segmented]) -> Iterator[tuple[Segmented, float]]:
    """Each result with the seconds it took to come."""
    while True:
        begun = perf_counter()
        result = next(results, None)
        if result is None:
            return
        yield result, perf_counter() - begun


def _ended(
    folder: RunFolder, record: dict[str, Any], frames: int, error: BaseException
) -> BaseException:
    """Record how the run ended, and the error to raise: it says what is kept."""
    interrupted = isinstance(error, KeyboardInterrupt)
    status = {"status": "interrupted" if interrupted else "failed", "error": str(error)}
    with suppress(OutputError):
        folder.write_record(record | status | {"frames": frames, "finished": now()})
    kept = f"{frames} frames are kept in {folder.root}; the same command with --resume goes on"
    if interrupted:
        return KeyboardInterrupt(f"interrupted; {kept}")
    if isinstance(error, OutputError):
        return OutputError(f"{error}; {kept}")
    return error


def _summary(log: FrameLog) -> dict[str, Any]:
    return {
        "frames": log.count,
        "objects": list(log.ids),
        "lost": {str(i): index for i, index in log.lost.items()},
    }


def _as_recorded(run: Run, record: dict[str, Any]) -> SegmentResult:
    """The result of a run that was complete before."""
    with closing(FrameLog(run.folder.frames, sys.maxsize)) as log:
        if run.options.overlay and not run.folder.overlay.exists():
            render_overlay(run.folder, run.source, log.count)
        return _result(run, log, record["timings"])


def _result(run: Run, log: FrameLog, timings: dict[str, float]) -> SegmentResult:
    overlay = run.folder.overlay
    return SegmentResult(
        name=run.source.name,
        out=run.folder.root,
        masks=run.folder.masks,
        overlay=overlay if overlay.exists() else None,
        frames=log.count,
        ids=log.ids,
        lost=log.lost,
        seconds=timings["seconds"],
        frames_per_s=timings["frames_per_s"],
        notes=run.first.notes,
        method=description_of(run.method),
        refiner=refiner_weights(run.refine),
    )
