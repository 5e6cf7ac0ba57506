"""`propago track`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from propago.cli.arguments import parse, with_flags
from propago.cli.exports import Formats, refuse_unknown, say_exports
from propago.cli.progress import frame_progress, say_licence
from propago.jobs.options import TrackOptions

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
    """

    source: tyro.conf.Positional[str]
    """A video file, a folder of frames, a quoted glob of images, a multi-page TIFF."""
    run: tyro.conf.OmitArgPrefixes[TrackOptions]
    detections: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """What was found in each frame, whoever found it: a folder of label maps (PNG or TIFF) whose
    ids mean nothing from frame to frame, COCO or YouTube-VIS JSON, MOTS text, a folder of YOLO
    segmentation text. Named or numbered like the frames."""
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


def run(argv: list[str]) -> int:
    """Track, and say where things are."""
    arguments = parse(TrackArguments, argv, "track")
    refuse_unknown(arguments.to)
    from propago.jobs.track import track

    with frame_progress() as progress:
        result = track(
            arguments.source,
            arguments.detections,
            method=arguments.method,
            associator=arguments.associator,
            carry=arguments.carry,
            refine=arguments.refine,
            out=arguments.out,
            options=arguments.run,
            progress=progress,
        )
    for note in dict.fromkeys(result.notes):
        print(f"note: {with_flags(note, sys.modules[__name__])}", file=sys.stderr)
    say_licence(result.method)
    _print(result)
    module, frames = sys.modules[__name__], arguments.source
    say_exports(module, result.out, arguments.to, frames, **arguments.run.reading)
    return 0


def _print(result: "TrackResult") -> None:
    counts = ", ".join(f"{count} {name}" for name, count in result.classes.items())
    told = f"{len(result.ids)} tracks" + (f": {counts}" if counts else "")
    print(f"masks    {result.masks} ({result.frames} frames, {result.frames_per_s:.1f} frames/s)")
    print(f"tracks   {result.tracks} ({told})")
    print(f"table    {result.table}")
    if result.overlay:
        print(f"overlay  {result.overlay}")
    print(f"report   {result.report}")
    print(f"record   {result.out / 'run.json'}")
