"""`propago track`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from propago.cli.arguments import parse, say_note
from propago.cli.formats import Formats, refuse_unknown, say_exports
from propago.cli.many import say_many
from propago.cli.progress import frame_progress, say_licence
from propago.io.manifest import is_manifest
from propago.jobs.options import TrackOptions
from propago.runs.options import ManyOptions

if TYPE_CHECKING:
    from propago.jobs.track import TrackResult


@dataclass(frozen=True)
class TrackArguments:
    """Find the instances of a video and give each one identity, class, score and mask.

    Detections of anyone are given by --detections. Results go to a folder: masks/, tracks.json
    (YouTube-VIS results), tracks.csv, overlay.mp4, report.html, frames.jsonl, run.json.

    Examples:
        propago track cells/ --detections cellpose_masks/ --associator cells
        propago track clip.mp4 --detections results.json --associator bytetrack
        propago track clip.mp4 --detections yolo/labels --classes person,cat --score .4
        propago track clip.mp4 --detections results.json --carry feelvos --detect-every 5
        propago track videos/ --detections found/ --jobs 2 --resume
    """

    source: tyro.conf.Positional[str]
    """A video file, a folder of frames, a quoted glob of images, a multi-page TIFF. Or many videos:
    a folder of them, or a .txt or .csv file, a line a video, or a video and its detections."""
    run: tyro.conf.OmitArgPrefixes[TrackOptions]
    many: tyro.conf.OmitArgPrefixes[ManyOptions]
    detections: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """What was found in each frame, whoever found it: a folder of label maps (PNG or TIFF) whose
    ids mean nothing from frame to frame, COCO or YouTube-VIS JSON, MOTS text, a folder of YOLO
    segmentation text. Named or numbered like the frames. Of many videos a folder that has
    NAME.json, NAME.txt or a folder NAME for each."""
    method: str | None = None
    """What finds instances where no --detections are given: a detector of `propago models`.
    Default: the first that has weights in the package."""
    associator: str | None = None
    """What gives identities, of `propago models`: iou by overlap with where an instance is
    expected; bytetrack does so, and then goes on with instances by doubtful detections; with cells
    an instance that divides ends, and its parts are new; masktrack for the detector of its name.
    Default: the method's, or iou."""
    carry: str | None = None
    """A method of `propago models` that carries instances from frame to frame; detections then
    start, correct, confirm and end them."""
    refine: Literal["spn", "none"] | None = None
    """spn sharpens detected masks along the edges of the picture."""
    out: Path | None = None
    """The output folder. Default: runs/track/<name of the source>."""
    to: Formats = ()
    """Write the results in this format, too, see `propago convert`: youtube-vis, ctc, prores ...
    Once for each."""
    matte: bool = False
    """With --to prores, webm, rgba-pngs, alpha-pngs or cutout: alpha follows the colours of the
    frame along the edges of the masks."""


def run(argv: list[str]) -> int:
    """Track, and say where things are."""
    arguments = parse(TrackArguments, argv, "track")
    refuse_unknown(arguments.to, matte=arguments.matte)
    if is_manifest(arguments.source):
        return _run_many(arguments)
    arguments.many.refuse_for_one()
    from propago.jobs.track import track

    with frame_progress() as progress:
        result = track(
            arguments.source, arguments.detections, **_parts(arguments), progress=progress
        )
    for note in dict.fromkeys(result.notes):
        say_note(note, arguments)
    say_licence(result.method)
    _print(result)
    reading = {"matte": arguments.matte} | arguments.run.reading
    say_exports(arguments, result.out, arguments.source, **reading)
    return 0


def _parts(arguments: TrackArguments) -> dict[str, Any]:
    named = ("method", "associator", "carry", "refine", "out")
    return {name: getattr(arguments, name) for name in named} | {"options": arguments.run}


def _run_many(arguments: TrackArguments) -> int:
    """Track many videos, and say what came of each; 1 where one failed."""
    from propago.jobs.track_many import track_many

    with frame_progress() as progress:
        many = track_many(
            arguments.source,
            arguments.detections,
            **_parts(arguments),
            many=arguments.many,
            progress=progress,
        )
    if many.results:
        say_licence(many.results[-1].method)
    reading = {"matte": arguments.matte} | arguments.run.reading
    return say_many(arguments, many, videos=arguments.source, remark=_tracks, **reading)


def _tracks(result: "TrackResult") -> str:
    return f", {len(result.ids)} tracks"


def _print(result: "TrackResult") -> None:
    counts = ", ".join(f"{count} {name}" for name, count in result.classes.items())
    told = f"{len(result.ids)} tracks" + (f": {counts}" if counts else "")
    print(f"masks    {result.masks} ({result.frames} frames, {result.frames_per_s:.1f} frames/s)")
    print(f"tracks   {result.tracks} ({told})")
    if result.semantic:
        print(f"classes  {result.semantic}")
    print(f"table    {result.table}")
    if result.overlay:
        print(f"overlay  {result.overlay}")
    print(f"report   {result.report}")
    print(f"record   {result.out / 'run.json'}")
