"""`propago segment` of many videos: one that fails does not stop the others."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from propago.errors import MaskError, PropagoError
from propago.io.video import open_source
from propago.jobs.annotations import gather_annotations
from propago.jobs.manifest import ManifestEntry, read_manifest, shard_of
from propago.jobs.options import SegmentOptions
from propago.jobs.parts import Parts, load_parts
from propago.jobs.segment import RUNS, SegmentResult, segment_source
from propago.runs.executor import map_tasks
from propago.runs.journal import LineLog
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import processor
from propago.types import Cleaner, Propagator, Refiner


@dataclass(frozen=True)
class ManyResults:
    """What came of many videos.

    Attributes:
        out: holds a folder for each video, and the journal.
        journal: JSON lines, one for each video: name, status "done" or "failed", and why.
        results: of the videos that are done, in their order.
        failed: why, by the name of each video that is not.
    """

    out: Path
    journal: Path
    results: tuple[SegmentResult, ...]
    failed: dict[str, str] = field(default_factory=dict)


def segment_many(  # noqa: PLR0913
    videos: str | Path,
    *,
    masks: str | Path | None = None,
    out: str | Path | None = None,
    method: str | Propagator = "feelvos",
    refine: str | Refiner | None = None,
    clean: str | Cleaner | None = None,
    options: SegmentOptions | None = None,
    jobs: int = 1,
    shard: str | None = None,
    progress: Progress | None = None,
) -> ManyResults:
    """Segment the videos of a folder or list; one that fails does not stop the others.

    Args:
        videos: a folder of videos with masks beside them, or a text or CSV file; `read_manifest`
            says where masks are looked for.
        masks: a folder to look for masks in.
        out: holds one folder a video; runs/segment/<name of `videos`> if None.
        method: as for `segment`.
        refine: as for `segment`.
        clean: as for `segment`.
        options: as for `segment`. With `resume`, videos that are done stay, and an interrupted one
            is gone on with. Processes share the processor where `threads` is None.
        jobs: videos at a time, each in a process of its own.
        shard: "i/n": every n-th video from the i-th on, for n machines that share `out`.
        progress: called as (videos done, videos in all, "videos").

    Raises:
        SourceError: no list, or an empty one.
        UsageError: two videos of one name, no such shard, a method that there is not.
        PropagoError: a process ended by itself, out of memory for instance; `resume` goes on.
    """
    options = _shared(options or SegmentOptions(), jobs)
    entries = shard_of(read_manifest(videos, Path(masks) if masks else None), shard)
    base = Path(out) if out else RUNS / Path(videos).resolve().stem
    for entry in entries:
        OutputFolder(base / entry.name).refuse(
            [path for path in (entry.source, entry.masks) if path],
            overwrite=options.overwrite,
            resume=options.resume,
        )
    work = _Worker(base, method, refine, clean, options)
    if jobs == 1:
        work.load()
    part = f"-{shard.replace('/', '-of-')}" if shard else ""
    journal = base / f"journal{part}.jsonl"
    OutputFolder(base).make()
    log, results, failed = LineLog(journal, None), [], {}
    try:
        for done in map_tasks(work, entries, jobs):
            log.append(done.line)
            if done.result:
                results.append(done.result)
            else:
                failed[done.name] = done.error
            if progress:
                progress(len(results) + len(failed), len(entries), "videos")
    finally:
        log.close()
    return ManyResults(base, journal, tuple(results), failed)


@dataclass(frozen=True)
class _Done:
    """What came of one video: a result, or why there is none."""

    name: str
    result: SegmentResult | None = None
    error: str = ""

    @property
    def line(self) -> dict[str, Any]:
        """Of the journal."""
        if self.result is None:
            return {"name": self.name, "status": "failed", "error": self.error}
        return {"name": self.name, "status": "done", "frames": self.result.frames}


@dataclass
class _Worker:
    """Segments one video after the other with parts that are loaded once."""

    base: Path
    method: str | Propagator
    refine: str | Refiner | None
    clean: str | Cleaner | None
    options: SegmentOptions
    parts: Parts | None = None

    def load(self) -> Parts:
        """The parts, at first."""
        if self.parts is None:
            self.parts = load_parts(self.method, self.refine, self.clean, self.options)
        return self.parts

    def __call__(self, entry: ManifestEntry) -> _Done:
        try:
            return _Done(entry.name, self._segmented(entry))
        except PropagoError as error:
            return _Done(entry.name, error=str(error))
        except Exception as error:  # of one video; the others go on
            return _Done(entry.name, error=f"unexpected {type(error).__name__}: {error}")

    def _segmented(self, entry: ManifestEntry) -> SegmentResult:
        source = open_source(entry.source, **self.options.reading)
        if entry.masks is None:
            raise MaskError(
                f"{entry.source} has no masks beside it: {entry.source.stem}.png, or a folder "
                f"{entry.source.stem}_masks; or name them in a list"
            )
        annotations = gather_annotations(source, [entry.masks], fit=self.options.fit_masks)
        with processor(self.options.threads, self.options.seed):
            output = OutputFolder(self.base / entry.name)
            return segment_source(source, annotations, self.load(), output, self.options)


def _shared(options: SegmentOptions, jobs: int) -> SegmentOptions:
    """Each of several processes gets its share of the processor where nothing is said."""
    if options.threads is not None or jobs < 2:
        return options
    return replace(options, threads=max(1, (os.cpu_count() or 1) // jobs))
