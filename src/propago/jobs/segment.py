"""`propago segment`: a video and masks of some frames become masks of every frame."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from propago.annotation.arrays import LabelMaps
from propago.annotation.ends import End
from propago.annotation.gather import AnnotationSet, gather_annotations
from propago.annotation.prompted import PromptedWriter
from propago.annotation.prompts import Box, Clicks
from propago.annotation.remarks import remarks
from propago.clock import Clock
from propago.finetune.fine_tuning import FineTuneProgress
from propago.finetune.forecast import FineTunable, forecast
from propago.io.array_source import Arrays
from propago.io.merged_masks import as_paths
from propago.io.source import Source
from propago.io.video import open_source
from propago.jobs.options import SegmentOptions
from propago.jobs.segment_parts import SegmentParts, load_segment_parts
from propago.pipeline import Checkpoint, Segmented, segment_frames
from propago.prompts import Prompter
from propago.runs.ahead import encoded_ahead, with_frames_ahead
from propago.runs.both_ways import Following, followed_both_ways
from propago.runs.checkpoints import packages_of
from propago.runs.engine import Loop, Run, RunSummary, run
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import processor
from propago.runs.record import described, digest_of, run_inputs
from propago.runs.writers import EventWriter, MaskWriter, OverlayWriter, SoftMaskWriter, Writer
from propago.types import (
    VOID,
    Annotations,
    Cleaner,
    Encoder,
    Frame,
    Propagator,
    Refiner,
)

RUNS = Path("runs/segment")


@dataclass(frozen=True)
class SegmentResult(RunSummary):
    """What a run made, and what it has come to.

    Attributes:
        name: of the source.
        out: the output folder.
        masks: the folder of masks, one PNG a frame.
        overlay: the video with the masks drawn in, None without one.
        given: a picture of the masks that were made of boxes and clicks, None without any.
        notes: how the given masks were understood, what was not used, what to do next.
        method: the method, its preset, weights and their licence.
        refiner: weights of the refiner, their hash and licence; empty without one.
        prompter: what made masks of boxes and clicks, its weights and their licence; or empty.
    """

    name: str
    out: Path
    masks: Path
    overlay: Path | None
    given: Path | None = None
    notes: tuple[str, ...] = ()
    method: dict[str, Any] = field(default_factory=dict)
    refiner: dict[str, Any] = field(default_factory=dict)
    prompter: dict[str, Any] = field(default_factory=dict)


def segment(  # noqa: PLR0913
    source: str | Path | Arrays,
    masks: str | Path | Sequence[str | Path] | LabelMaps | None = None,
    *,
    boxes: Iterable[Box | str] = (),
    clicks: Iterable[Clicks | str] = (),
    prompter: str | Prompter | None = None,
    end_objects: Iterable[End] = (),
    both_ways: bool = False,
    out: str | Path | None = None,
    method: str | Propagator = "feelvos",
    refine: str | Refiner | None = None,
    clean: str | Cleaner | None = None,
    options: SegmentOptions | None = None,
    progress: Progress | None = None,
    finetune_progress: FineTuneProgress | None = None,
) -> SegmentResult:
    """Carry the masks of given objects through a video, and write the result to a folder.

    Args:
        source: a video file, a folder of frames, a glob pattern, a multi-page TIFF, or pictures in
            memory, see `open_source`.
        masks: a mask of the first frame, or a folder of masks named by frame; or several of them,
            such as one an object: of objects that overlap the later one has the pixels. In memory
            a label map (H, W) of the first frame, or several by `Frame.index`.
        boxes: boxes that become masks, "ID=x0,y0,x1,y1[@frame]" or `Box`.
        clicks: on objects, which become masks, "ID=x,y[,x,y][,-x,-y][@frame]" or `Clicks`; with a
            minus before both numbers, beside the object.
        prompter: what makes masks of boxes and clicks: a name in `PROMPTERS`, or a prompter.
        end_objects: objects that are gone from a frame on, "ID@frame" or (id, frame).
        both_ways: follow objects backwards, too: those of the first annotated frame to the
            beginning, those of a later one to the frame they were drawn on before, mixed with what
            is followed forwards.
        out: the output folder; runs/segment/<name of the source> if None.
        method: a name in `propago.components.PROPAGATORS`, or a propagator.
        refine: what sharpens each prediction before it is cleaned: a name in `REFINERS`, "none",
            or a refiner; the named method's own if None.
        clean: what makes each prediction consistent with the frame before, before objects compete
            and before it is remembered: a name in `CLEANERS`, "none", or a cleaner; the named
            method's own if None.
        options: what can be set about a run.
        progress: called as (frames done, frames in all or None, what is being done).
        finetune_progress: called as (what is fine-tuned, steps done, share of its budget spent,
            running loss).

    Returns:
        Where everything lies, and which object was lost from which frame on.

    Raises:
        UsageError: nothing is given, a box, a click or an end is illegal, the folder holds results.
        SourceError: the source cannot be read; the frames before a damage have been written.
        MaskError: a given mask is illegal.
        OutputError: the results cannot be written; earlier frames are intact.
        KeyboardInterrupt: on Ctrl-C; what was done is kept for `resume`.
    """
    options = options or SegmentOptions()
    opened = open_source(source, **options.reading)
    output = OutputFolder(out or RUNS / opened.name)
    given = masks if isinstance(masks, np.ndarray | Mapping) else as_paths(masks)
    places = given if isinstance(given, list) else []
    output.refuse([opened.path, *places], overwrite=options.overwrite, resume=options.resume)
    annotations = gather_annotations(
        opened,
        given,
        boxes,
        end_objects,
        clicks=clicks,
        prompter=prompter,
        fit=options.fit_masks,
    )
    annotations = replace(annotations, both_ways=both_ways)
    with processor(options.threads, options.seed):
        parts = load_segment_parts(method, refine, clean, options, finetune_progress)
        forecast(parts.method, annotations.given)
        return segment_source(opened, annotations, parts, output, options, progress)


def segment_source(
    source: Source,
    annotations: AnnotationSet,
    parts: SegmentParts,
    output: OutputFolder,
    options: SegmentOptions,
    progress: Progress | None = None,
    clock: Clock | None = None,
    watch: Writer[Segmented] | None = None,
) -> SegmentResult:
    """One source with loaded parts, into a folder that may be used; `clock` counts their seconds.

    `watch` is told of each frame once its files are written.

    Raises:
        PropagoError: as `segment`.
    """
    follow = partial(_loop, parts, clock)
    job = _job(source, annotations, parts, output, options, follow(annotations.given))
    if watch:
        job = replace(job, writers=[*job.writers, watch])
    if annotations.both_ways:
        job = followed_both_ways(job, annotations.given, follow, annotations.ids, progress)
    summary = run(job, progress)
    said = remarks(source, annotations, summary, fine_tuned=parts.finetune is not None)
    notes = (*source.notes, *annotations.notes, *said)
    output.write_record(output.read_record() | {"notes": list(notes)})
    return SegmentResult(
        **vars(summary),
        name=source.name,
        out=output.root,
        masks=output.masks,
        overlay=output.overlay if output.overlay.exists() else None,
        given=output.given_picture if annotations.prompted else None,
        notes=notes,
        method=described(parts.method),
        refiner=described(parts.refine),
        prompter=annotations.prompter,
    )


def _job(
    source: Source,
    annotations: AnnotationSet,
    parts: SegmentParts,
    output: OutputFolder,
    options: SegmentOptions,
    loop: Loop,
) -> Run:
    return Run(
        source,
        loop,
        output,
        _writers(source, annotations, parts, options),
        options,
        inputs=segment_inputs(source, annotations, parts, options),
        given={index: digest_of(masks) for index, masks in annotations.given.items()},
        about={
            "given": {str(index): list(masks.ids) for index, masks in annotations.given.items()},
            "ended": {str(t): sorted(m.ended) for t, m in annotations.given.items() if m.ended},
            **annotations.pointed_at,
            "notes": [*source.notes, *annotations.notes],
        },
        packages=packages_of(parts.method, parts.clean),
    )


def _loop(parts: SegmentParts, clock: Clock | None, given: Annotations) -> Following:
    method = parts.method

    def loop(frames: Iterable[Frame], resume: Checkpoint | None) -> Iterator[Segmented]:
        state = resume.state if resume else method.begin()
        if isinstance(method, FineTunable) and method.finetune:
            frames = with_frames_ahead(frames, given, method.trial_frames)
        if isinstance(method, Encoder):
            encode = method.encode
            frames = encoded_ahead(frames, lambda frame: partial(encode, frame, state))
        results = segment_frames(
            frames,
            given,
            method,
            refine=parts.refine,
            clean=parts.clean,
            resume=resume,
            clock=clock,
        )
        for result in results:
            state = result.checkpoint.state
            yield result

    return loop


def segment_inputs(
    source: Source, annotations: AnnotationSet, parts: SegmentParts, options: SegmentOptions
) -> dict[str, Any]:
    """All that decides the masks, as JSON values. Equal inputs give equal masks."""
    return run_inputs(source, options) | {
        "both_ways": annotations.both_ways,
        "mask_bits": 16 if max(annotations.ids) >= VOID else 8,
        "finetune": parts.finetune,
        "method": described(parts.method),
        "working_size": options.size,
        "refine": described(parts.refine),
        "clean": described(parts.clean),
    }


def _writers(
    source: Source, annotations: AnnotationSet, parts: SegmentParts, options: SegmentOptions
) -> list[Writer]:
    writers: list[Writer] = [MaskWriter(annotations.ids)]
    if annotations.prompted:
        writers.append(PromptedWriter(annotations.prompted))
    if options.overlay:
        writers.append(OverlayWriter(source))
    if options.save_scores:
        writers.append(SoftMaskWriter())
    if parts.clean:
        writers.append(EventWriter())
    return writers
