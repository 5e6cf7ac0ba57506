"""`propago segment`: a video and masks of some frames become masks of every frame."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from propago.components import PROPAGATORS, load_method
from propago.errors import UsageError
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuneProgress, FineTuning
from propago.finetune.forecast import forecast
from propago.io.davis import open_davis
from propago.io.source import Source
from propago.io.video import open_source
from propago.jobs.annotations import Box, gather_annotations
from propago.jobs.options import Progress, SegmentOptions
from propago.jobs.processor import processor
from propago.jobs.run_folder import RunFolder
from propago.jobs.run_segment import Run, SegmentResult, carry_out
from propago.refinement.craf.run import Craf
from propago.refinement.spn.run import Spn
from propago.types import Cleaner, Propagator, Refiner

RUNS = Path("runs/segment")


def segment(
    source: str | Path,
    masks: str | Path | None = None,
    *,
    boxes: Iterable[Box | str] = (),
    out: str | Path | None = None,
    method: str | Propagator = "feelvos",
    options: SegmentOptions | None = None,
    progress: Progress | None = None,
    tuning: FineTuneProgress | None = None,
) -> SegmentResult:
    """Carry the masks of given objects through a video, and write the result to a folder.

    Args:
        source: a video file, a folder of frames, a glob pattern, a multi-page TIFF.
        masks: a mask of the first frame, or a folder of masks named by frame.
        boxes: boxes that become masks, "ID=x0,y0,x1,y1[@frame]" or `Box`.
        out: the output folder; runs/segment/<name of the source> if None.
        method: a name in `propago.methods.PROPAGATORS`, or a propagator.
        options: what can be set about a run.
        progress: called as (frames done, frames in all or None, what is being done).
        tuning: called as (what is fine-tuned, steps done, share of its budget spent, running loss).

    Returns:
        Where everything lies, and which object was lost from which frame on.

    Raises:
        UsageError: nothing is given, a box is illegal, the folder holds results.
        SourceError: the source cannot be read; the frames before a damage have been written.
        MaskError: a given mask is illegal.
        OutputError: the results cannot be written; earlier frames are intact.
        KeyboardInterrupt: on Ctrl-C; what was done is kept for `resume`.
    """
    options = settled(options or SegmentOptions(), method)
    opened = open_source(source, start=options.start, end=options.end, every=options.every)
    folder = RunFolder(Path(out) if out else RUNS / opened.name)
    masks = Path(masks) if masks else None
    _refuse(folder, opened, masks, options)
    first = gather_annotations(opened, masks, boxes, fit=options.fit_masks)
    with processor(options.threads, options.seed):
        propagator = _loaded(method, options, tuning)
        forecast(propagator, first.given)
        run = Run(opened, first, propagator, folder, options, _refiner(options), _cleaner(options))
        return carry_out(run, progress)


def segment_set(
    root: str | Path,
    set_file: str | Path | None = None,
    *,
    masks: str | Path | None = None,
    out: str | Path | None = None,
    method: str | Propagator = "feelvos",
    options: SegmentOptions | None = None,
    progress: Progress | None = None,
    tuning: FineTuneProgress | None = None,
) -> list[SegmentResult]:
    """Segment sequences of a DAVIS root, each from its first annotation alone.

    Args:
        root: a folder with JPEGImages and Annotations.
        set_file: the sequences, one a line, or a name in the root's ImageSets; all if None.
        masks: another root or folder of annotations, one subfolder a sequence.
        out: holds one folder a sequence; runs/segment/<name of the root> if None.
        method: as for `segment`.
        options: as for `segment`.
        progress: as for `segment`; tells the sequence.
        tuning: as for `segment`.

    Returns:
        One result a sequence, in the order of the set.

    Raises:
        PropagoError: as `segment`; sequences before the failing one are complete.
    """
    options = settled(options or SegmentOptions(), method)
    base = Path(out) if out else RUNS / Path(root).resolve().name
    sources = open_davis(
        Path(root),
        Path(set_file) if set_file else None,
        start=options.start,
        end=options.end,
        every=options.every,
    )
    with processor(options.threads, options.seed):
        folders = [RunFolder(base / source.name) for source in sources]
        for source, folder in zip(sources, folders, strict=True):
            _refuse(folder, source, Path(root), options)
        propagator, refiner = _loaded(method, options, tuning), _refiner(options)
        runs = [
            _sequence(root, masks, source, folder, propagator, refiner, options)
            for source, folder in zip(sources, folders, strict=True)
        ]
        forecast(propagator, *(run.first.given for run in runs))
        return [carry_out(run, progress) for run in runs]


def settled(options: SegmentOptions, method: str | Propagator) -> SegmentOptions:
    """`options` with the method's own refiner, cleaner and budget where nothing else is asked for.

    A propagator that is no name has none of its own.

    Raises:
        UsageError: a budget for a propagator, which was given its own when it was made.
    """
    row = PROPAGATORS.get(method) if isinstance(method, str) else None
    if options.finetune and not isinstance(method, str):
        raise UsageError("finetune is for a method's name; a propagator brings its own fine-tuning")
    budget = options.finetune or (row and row.finetune)
    return replace(
        options,
        refine=options.refine or (row.refine if row else "none"),
        clean=options.clean or (row.clean if row else "none"),
        finetune=str(Budget.parse(budget)) if budget else None,
    )


def _sequence(
    root: str | Path,
    masks: str | Path | None,
    source: Source,
    folder: RunFolder,
    method: Propagator,
    refiner: Refiner | None,
    options: SegmentOptions,
) -> Run:
    annotations = Path(masks) / source.name if masks else Path(root)
    first = gather_annotations(source, annotations, (), fit=options.fit_masks, only_first=True)
    return Run(source, first, method, folder, options, refiner, _cleaner(options))


def _loaded(
    method: str | Propagator, options: SegmentOptions, tuning: FineTuneProgress | None
) -> Propagator:
    if not isinstance(method, str):
        return method
    asked = {"preset": options.preset, "size": options.size}
    settings = {name: value for name, value in asked.items() if value is not None}
    for name, value, default in (
        ("weights", options.weights, "default"),
        ("device", options.device, "auto"),
    ):
        if value != default:
            settings[name] = value
    if options.finetune:
        settings["finetune"] = FineTuning(Budget.parse(options.finetune), FineTuneCache(), tuning)
    return load_method(method, **settings)


def _refiner(options: SegmentOptions) -> Refiner | None:
    return Spn.load(device=options.device) if options.refine == "spn" else None


def _cleaner(options: SegmentOptions) -> Cleaner | None:
    return Craf() if options.clean == "craf" else None


def _refuse(folder: RunFolder, source: Source, masks: Path | None, options: SegmentOptions) -> None:
    """Refuse a folder with results, unless they may be deleted or gone on with."""
    if folder.root.exists() and not folder.root.is_dir():
        raise UsageError(f"--out {folder.root} is a file; it must be a folder")
    if options.overwrite:
        inputs: Sequence[Path | None] = (source.path, masks)
        folder.refuse_inputs_inside([path for path in inputs if path])
    elif not options.resume:
        folder.refuse_results()
