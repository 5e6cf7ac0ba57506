"""`propago track`: a video, and detections of anyone or a detector, become tracked instances."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

from propago.association.carry import Carry
from propago.io.array_source import Arrays
from propago.io.given_detections import Given
from propago.io.source import Source
from propago.io.video import open_source
from propago.jobs.options import TrackOptions
from propago.jobs.track_parts import TrackParts, load_track_parts
from propago.pipeline import Checkpoint
from propago.runs.ahead import encoded_ahead
from propago.runs.engine import Run, RunSummary, run
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.processor import processor
from propago.runs.record import run_inputs
from propago.runs.track_views import TrackOverlayWriter, TrackPageWriter
from propago.runs.track_writers import InstanceWriter, SemanticWriter, TrackedFrame, read_instances
from propago.runs.writers import MaskWriter, Writer
from propago.tracking import Associator, Detector, Tracker
from propago.types import Frame, Propagator, Refiner

RUNS = Path("runs/track")

MOST_AHEAD = 4
"""In so many frames to come instances are looked for while those of one are followed."""


@dataclass(frozen=True)
class TrackResult(RunSummary):
    """What a run made, and what it has come to.

    Attributes:
        name: of the source.
        out: the output folder.
        masks: the folder of label maps of track ids, one PNG a frame.
        semantic: the folder of maps of categories, None where none were asked for.
        tracks: YouTube-VIS results.
        table: a line an instance and frame, for a spreadsheet.
        report: a page: tracks of each class, when each was there.
        overlay: the video with the instances drawn in, None without one.
        classes: how many tracks each class has, by its name.
        notes: how the detections were understood.
        method: the detector, its preset, weights and their licence.
    """

    name: str
    out: Path
    masks: Path
    tracks: Path
    table: Path
    report: Path
    overlay: Path | None
    classes: dict[str, int]
    semantic: Path | None = None
    notes: tuple[str, ...] = ()
    method: dict[str, Any] = field(default_factory=dict)


def track(  # noqa: PLR0913
    source: str | Path | Arrays,
    detections: Given | None = None,
    *,
    method: str | Detector | None = None,
    associator: str | Associator | None = None,
    carry: str | Propagator | Carry | None = None,
    refine: str | Refiner | None = None,
    out: str | Path | None = None,
    options: TrackOptions | None = None,
    progress: Progress | None = None,
) -> TrackResult:
    """Find and track the instances of a video, and write the result to a folder.

    Args:
        source: a video file, a folder of frames, a glob pattern, a multi-page TIFF, or pictures in
            memory, see `open_source`.
        detections: of anyone, whose identities, if any, are not used. A folder of label maps, COCO
            or YouTube-VIS JSON, MOTS text, a folder of YOLO text; or what was found in each frame,
            in order or by index or name: `Detections`, `supervision.Detections`, label maps.
        method: what finds instances where there are no `detections`: a name in
            `propago.components.DETECTORS`, or a detector.
        associator: what gives identities: a name in `ASSOCIATORS`, or an associator; that of the
            named method, or "iou", if None.
        carry: what carries instances from frame to frame: a name in `PROPAGATORS`, a propagator,
            or a `Carry`; then `associator` is not used.
        refine: what sharpens the masks of detections: a name in `REFINERS`, or a refiner.
        out: the output folder; runs/track/<name of the source> if None.
        options: what can be set about a run.
        progress: called as (frames done, frames in all or None, what is being done).

    Raises:
        UsageError: neither detections nor a method, a name that is none, the folder holds results.
        SourceError: source or detections cannot be read; the frames before a damage are written.
        MaskError: an illegal detection, or one of another size than its frame.
        OutputError: the results cannot be written; earlier frames are intact.
        KeyboardInterrupt: on Ctrl-C; what was done is kept for `resume`.
    """
    options = options or TrackOptions()
    opened = open_source(source, **options.reading)
    output = OutputFolder(out or RUNS / opened.name)
    places = [Path(detections)] if isinstance(detections, str | Path) else []
    output.refuse([opened.path, *places], overwrite=options.overwrite, resume=options.resume)
    with processor(options.threads, options.seed):
        parts = load_track_parts(opened, detections, method, associator, carry, refine, options)
        job = _job(opened, parts, output, options)
        summary = run(job, progress)
    return TrackResult(
        **vars(summary),
        name=opened.name,
        out=output.root,
        masks=output.masks,
        tracks=output.tracks,
        table=output.table,
        report=output.report,
        overlay=output.overlay if output.overlay.exists() else None,
        classes=_tracks_by_class(output),
        semantic=output.semantic if parts.semantic else None,
        notes=(*opened.notes, *parts.notes),
        method=parts.inputs["method"],
    )


def _job(source: Source, parts: TrackParts, output: OutputFolder, options: TrackOptions) -> Run:
    def loop(frames: Iterable[Frame], resume: Checkpoint | None) -> Iterator[TrackedFrame]:
        tracker = parts.tracker.fork()
        if resume:
            tracker.rewind(resume)
        ready = _seen_ahead(frames, tracker) if tracker.sees_ahead else frames
        return (cast(TrackedFrame, tracker.step(frame)) for frame in ready)

    return Run(
        source,
        loop,
        output,
        _writers(source, parts, options),
        options,
        inputs=run_inputs(source, options)
        | parts.inputs
        | {
            "detect_every": options.detect_every,
            "save_semantic": options.save_semantic,
        },
        about={
            "classes": {str(i): name for i, name in parts.class_names.items()},
            "notes": [*source.notes, *parts.notes],
        },
        packages=parts.packages,
    )


def _seen_ahead(frames: Iterable[Frame], tracker: Tracker) -> Iterator[Frame]:
    """The frames with what can be computed of them while those before are followed."""
    looks = tracker.looks()
    return encoded_ahead(
        frames,
        lambda frame: partial(tracker.seen_ahead, frame, next(looks), tracker.checkpoint),
        1 if tracker.carry else min(torch.get_num_threads(), MOST_AHEAD),
    )


def _writers(source: Source, parts: TrackParts, options: TrackOptions) -> list[Writer]:
    names = parts.class_names
    writers: list[Writer] = [MaskWriter(None), InstanceWriter(names)]
    if parts.semantic:
        writers.append(SemanticWriter(parts.semantic))
    if options.overlay:
        writers.append(TrackOverlayWriter(source, names))
    return [*writers, TrackPageWriter(source, parts.facts)]


def _tracks_by_class(output: OutputFolder) -> dict[str, int]:
    class_of = {line["id"]: line["class"] for line in read_instances(output)}
    names = list(class_of.values())
    return {name: names.count(name) for name in sorted(set(names))}
