"""`propago segment` of a set: sequences of a DAVIS root, one by one or several at a time."""

from dataclasses import dataclass
from pathlib import Path

from propago.finetune.fine_tuning import FineTuneProgress
from propago.finetune.forecast import forecast
from propago.io.davis import open_davis
from propago.io.source import Source
from propago.jobs.annotations import (
    AnnotationSet,
    gather_annotations,
)
from propago.jobs.options import SegmentOptions
from propago.jobs.parts import Parts, load_parts
from propago.jobs.segment import RUNS, SegmentResult, segment_source
from propago.runs.executor import map_tasks
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import processor
from propago.types import Cleaner, Propagator, Refiner


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
    with processor(options.threads, options.seed):
        parts = load_parts(method, refine, clean, options, finetune_progress)
        forecast(parts.method, *(annotations.given for _, annotations, _ in tasks))
    work = _SetWorker(method, refine, clean, options)
    if here:
        work.progress, work.parts = progress, parts
    results = []
    for result in map_tasks(work, tasks, jobs):
        results.append(result)
        if progress and not here:
            progress(len(results), len(tasks), "sequences")
    return results


@dataclass
class _SetWorker:
    """Segments one sequence after the other with parts that are loaded once."""

    method: str | Propagator
    refine: str | Refiner | None
    clean: str | Cleaner | None
    options: SegmentOptions
    progress: Progress | None = None
    parts: Parts | None = None

    def __call__(self, task: tuple[Source, AnnotationSet, OutputFolder]) -> SegmentResult:
        source, annotations, output = task
        with processor(self.options.threads, self.options.seed):
            self.parts = self.parts or load_parts(
                self.method, self.refine, self.clean, self.options
            )
            return segment_source(
                source, annotations, self.parts, output, self.options, self.progress
            )
