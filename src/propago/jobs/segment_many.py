"""`propago segment` of many videos: one that fails does not stop the others."""

from dataclasses import dataclass, replace
from pathlib import Path

from propago.errors import MaskError
from propago.io.video import open_source
from propago.jobs.annotations import gather_annotations
from propago.jobs.manifest import ManifestEntry, read_manifest
from propago.jobs.many import ManyResults, run_many, shared_threads
from propago.jobs.options import ManyOptions, SegmentOptions
from propago.jobs.parts import Parts, load_parts
from propago.jobs.segment import RUNS, SegmentResult, segment_source
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import processor
from propago.types import Cleaner, Propagator, Refiner


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
    cluster: str | None = None,
    progress: Progress | None = None,
) -> ManyResults[SegmentResult]:
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
        cluster: the processes are of a Ray cluster: "local", "ray" or "ray://HOST:PORT", whose
            machines share all folders; the video of one that is killed is gone on with by another.
        progress: called as (videos done, videos in all, "videos").

    Raises:
        SourceError: no list, or an empty one.
        UsageError: two videos of one name, no such shard, a method that there is not.
        PropagoError: processes end before they begin.
    """
    options = options or SegmentOptions()
    work = _Segmenter(
        method, refine, clean, replace(options, threads=shared_threads(options.threads, jobs))
    )
    entries = read_manifest(videos, masks)
    if jobs == 1 and cluster is None:
        work.load()
    return run_many(
        work,
        entries,
        Path(out) if out else RUNS / Path(videos).resolve().stem,
        ManyOptions(jobs=jobs, shard=shard, cluster=cluster),
        overwrite=options.overwrite,
        resume=options.resume,
        progress=progress,
    )


@dataclass
class _Segmenter:
    """Segments one video after the other with parts that are loaded once."""

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

    def __call__(self, entry: ManifestEntry, output: OutputFolder) -> SegmentResult:
        source = open_source(entry.source, **self.options.reading)
        if entry.given is None:
            raise MaskError(
                f"{entry.source} has no masks beside it: {entry.source.stem}.png, or a folder "
                f"{entry.source.stem}_masks; or name them in a list"
            )
        annotations = gather_annotations(source, [entry.given], fit=self.options.fit_masks)
        with processor(self.options.threads, self.options.seed):
            return segment_source(source, annotations, self.load(), output, self.options)
