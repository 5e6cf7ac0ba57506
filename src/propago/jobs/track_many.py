"""`propago track` of many videos: one that fails does not stop the others."""

from dataclasses import dataclass, replace
from pathlib import Path

from propago.association.carry import Carry
from propago.io.manifest import ManifestEntry, read_manifest
from propago.jobs.options import TrackOptions
from propago.jobs.track import RUNS, TrackResult, track
from propago.runs.many import ManyResults, run_many, shared_threads
from propago.runs.options import ManyOptions, Progress
from propago.runs.output_folder import OutputFolder
from propago.tracking import Associator, Detector
from propago.types import Propagator, Refiner


def track_many(  # noqa: PLR0913 - the options of a verb
    videos: str | Path,
    detections: str | Path | None = None,
    *,
    method: str | Detector | None = None,
    associator: str | Associator | None = None,
    carry: str | Propagator | Carry | None = None,
    refine: str | Refiner | None = None,
    out: str | Path | None = None,
    options: TrackOptions | None = None,
    many: ManyOptions | None = None,
    progress: Progress | None = None,
) -> ManyResults[TrackResult]:
    """Find and track the instances of many videos; one that fails does not stop the others.

    Args:
        videos: a folder of videos, or a text or CSV file; see `read_manifest`. A column
            "detections" says where those of a video are.
        detections: a folder in which NAME.json, NAME.txt or a folder NAME has those of a video.
        method: as for `track`.
        associator: as for `track`.
        carry: as for `track`.
        refine: as for `track`.
        out: holds one folder a video; runs/track/<name of `videos`> if None.
        options: as for `track`. With `resume`, videos that are done stay, and an interrupted one
            is gone on with. Processes share the processor where `threads` is None.
        many: how the videos are shared out.
        progress: called as (videos done, videos in all, "videos").

    Raises:
        SourceError: no list, or an empty one.
        UsageError: two videos of one name, no such shard, a folder holds results.
        PropagoError: processes end before they begin.
    """
    options, many = options or TrackOptions(), many or ManyOptions()
    own = replace(options, threads=shared_threads(options.threads, many.jobs))
    return run_many(
        _OneTracked(method, associator, carry, refine, own),
        read_manifest(videos, detections, "detections"),
        Path(out) if out else RUNS / Path(videos).resolve().stem,
        many,
        overwrite=options.overwrite,
        resume=options.resume,
        progress=progress,
    )


@dataclass(frozen=True)
class _OneTracked:
    method: str | Detector | None
    associator: str | Associator | None
    carry: str | Propagator | Carry | None
    refine: str | Refiner | None
    options: TrackOptions

    def __call__(self, entry: ManifestEntry, output: OutputFolder, again: bool) -> TrackResult:
        own = replace(self, options=self.options.going_on()) if again else self
        return track(entry.source, entry.given, **vars(own), out=output.root)
