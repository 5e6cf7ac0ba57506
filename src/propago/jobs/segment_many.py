"""`propago segment` of many videos: of a list, where one may fail, or of a DAVIS root."""

from dataclasses import dataclass, replace
from pathlib import Path

from propago.annotation.gather import AnnotationSet, gather_annotations
from propago.errors import MaskError
from propago.finetune.fine_tuning import FineTuneProgress
from propago.finetune.forecast import forecast
from propago.io.davis import open_davis
from propago.io.manifest import ManifestEntry, read_manifest
from propago.io.source import Source
from propago.io.video import open_source
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import RUNS, SegmentResult, segment_source
from propago.jobs.segment_parts import SegmentParts, load_segment_parts
from propago.runs.executor import map_tasks
from propago.runs.many import ManyResults, run_many, shared_threads
from propago.runs.options import ManyOptions, Progress
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
    many: ManyOptions | None = None,
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
        many: how the videos are shared out.
        progress: called as (videos done, videos in all, "videos").

    Raises:
        SourceError: no list, or an empty one.
        UsageError: two videos of one name, no such shard, a method that there is not.
        PropagoError: processes end before they begin.
    """
    options, many = options or SegmentOptions(), many or ManyOptions()
    threads = shared_threads(options.threads, many.jobs)
    work = _Segmenter(method, refine, clean, replace(options, threads=threads))
    entries = read_manifest(videos, masks)
    if many.jobs == 1 and many.cluster is None:
        work.load()
    return run_many(
        work.segment_entry,
        entries,
        Path(out) if out else RUNS / Path(videos).resolve().stem,
        many,
        overwrite=options.overwrite,
        resume=options.resume,
        progress=progress,
    )


def segment_set(  # noqa: PLR0913
    root: str | Path,
    set_file: str | Path | None = None,
    *,
    masks: str | Path | None = None,
    out: str | Path | None = None,
    method: str | Propagator = "feelvos",
    refine: str | Refiner | None = None,
    clean: str | Cleaner | None = None,
    options: SegmentOptions | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    finetune_progress: FineTuneProgress | None = None,
) -> list[SegmentResult]:
    """Segment sequences of a DAVIS root, each object from its first annotation alone.

    Args:
        root: a folder with JPEGImages and Annotations.
        set_file: the sequences, one a line, or a name in the root's ImageSets; all if None.
        masks: another root or folder of annotations, one subfolder a sequence.
        out: holds one folder a sequence; runs/segment/<name of the root> if None.
        method: as for `segment`.
        refine: as for `segment`.
        clean: as for `segment`.
        options: as for `segment`; each sequence begins with its seed.
        jobs: sequences at a time, each in a process of its own with `options.threads`.
        progress: as for `segment`; tells the sequence, or with several jobs those that are done.
        finetune_progress: as for `segment`; not called with several jobs.

    Returns:
        One result a sequence, in the order of the set.

    Raises:
        PropagoError: as `segment`; sequences before the failing one are complete.
    """
    options = options or SegmentOptions()
    base = Path(out) if out else RUNS / Path(root).resolve().name
    sources = open_davis(Path(root), Path(set_file) if set_file else None, **options.reading)
    given = [Path(masks) / source.name if masks else Path(root) for source in sources]
    tasks = []
    for source, own in zip(sources, given, strict=True):
        output = OutputFolder(base / source.name)
        output.refuse([source.path, own], overwrite=options.overwrite, resume=options.resume)
        annotations = gather_annotations(source, [own], fit=options.fit_masks, only_first=True)
        tasks.append((source, annotations, output))
    here = jobs == 1
    work = _Segmenter(method, refine, clean, options)
    with processor(options.threads, options.seed):
        parts = work.load(finetune_progress)
        forecast(parts.method, *(annotations.given for _, annotations, _ in tasks))
    if here:
        work.progress = progress
    else:
        work.parts = None
    results = []
    for result in map_tasks(work.segment_sequence, tasks, jobs):
        results.append(result)
        if progress and not here:
            progress(len(results), len(tasks), "sequences")
    return results


@dataclass
class _Segmenter:
    """Segments one video after the other with parts that are loaded once."""

    method: str | Propagator
    refine: str | Refiner | None
    clean: str | Cleaner | None
    options: SegmentOptions
    progress: Progress | None = None
    parts: SegmentParts | None = None

    def load(self, finetune_progress: FineTuneProgress | None = None) -> SegmentParts:
        """The parts, at first."""
        if self.parts is None:
            named = (self.method, self.refine, self.clean)
            self.parts = load_segment_parts(*named, self.options, finetune_progress)
        return self.parts

    def segment_entry(
        self, entry: ManifestEntry, output: OutputFolder, again: bool
    ) -> SegmentResult:
        """A video with the masks that were found beside it."""
        source = open_source(entry.source, **self.options.reading)
        if entry.given is None:
            raise MaskError(
                f"{entry.source} has no masks beside it: {entry.source.stem}.png, or a folder "
                f"{entry.source.stem}_masks; or name them in a list"
            )
        annotations = gather_annotations(source, [entry.given], fit=self.options.fit_masks)
        options = self.options.going_on() if again else self.options
        return self._segment(source, annotations, output, options)

    def segment_sequence(self, task: tuple[Source, AnnotationSet, OutputFolder]) -> SegmentResult:
        """A sequence from its annotations, into a folder that may be used."""
        return self._segment(*task, self.options)

    def _segment(
        self,
        source: Source,
        annotations: AnnotationSet,
        output: OutputFolder,
        options: SegmentOptions,
    ) -> SegmentResult:
        with processor(options.threads, options.seed):
            parts = self.load()
            return segment_source(source, annotations, parts, output, options, self.progress)
