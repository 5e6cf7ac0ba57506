"""`propago segment`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from propago.cli.arguments import Boxes, Clicks, parse, say_note
from propago.cli.formats import Formats, refuse_unknown, say_exports
from propago.cli.many import say_many
from propago.cli.progress import frame_progress, say_licence
from propago.errors import UsageError
from propago.io.manifest import is_manifest
from propago.jobs.options import SegmentOptions
from propago.runs.options import ManyOptions

if TYPE_CHECKING:
    from propago.jobs.segment import SegmentResult


@dataclass(frozen=True)
class SegmentArguments:
    """Carry the masks of given objects through a video: a mask for every frame.

    The objects are given by --masks, --box or --click. Results go to a folder: masks/, overlay.mp4,
    frames.jsonl, run.json, and clean.jsonl with --clean craf.

    Examples:
        propago segment clip.mp4 --masks first.png --out results
        propago segment clip.mp4 --box 1=120,80,340,260 --finetune 60steps
        propago segment clip.mp4 --masks masks/ --both-ways
        propago segment DAVIS --set val
        propago segment videos/ --jobs 2 --resume
    """

    source: tyro.conf.Positional[str]
    """A video file, a folder of frames, a quoted glob of images, a multi-page TIFF; with --set a
    DAVIS root. Or many videos: a folder of them with masks beside them (clip.mp4, clip.png), or a
    .txt or .csv file, a line a video, or a video and its masks."""
    run: tyro.conf.OmitArgPrefixes[SegmentOptions]
    many: tyro.conf.OmitArgPrefixes[ManyOptions]
    masks: tyro.conf.UseAppendAction[
        Annotated[tuple[Annotated[Path, tyro.conf.arg(metavar="PATH")], ...], tyro.conf.arg()]
    ] = ()
    """A mask of the first frame (indexed, grey or RGB PNG), or a folder of masks named by frame:
    several annotated frames, objects that enter late, corrections. Give --masks several times for
    one file or folder an object."""
    boxes: Boxes = ()
    """ID=x0,y0,x1,y1[@frame]: a box in pixels around object ID, which becomes a mask."""
    clicks: Clicks = ()
    """ID=x,y[,x,y][,-x,-y][@frame]: clicks in pixels on object ID, with a minus beside it, which
    become a mask."""
    prompter: Literal["ritm", "grabcut"] | None = None
    """What makes masks of boxes and clicks, see `propago models`."""
    end_objects: tyro.conf.UseAppendAction[
        Annotated[
            tuple[Annotated[str, tyro.conf.arg(metavar="ID@FRAME")], ...],
            tyro.conf.arg(name="end-object", metavar="ID@FRAME"),
        ]
    ] = ()
    """ID@FRAME: object ID is gone from this frame on. Once for each object that ends."""
    both_ways: bool = False
    """Follow objects backwards, too: those of the first annotated frame to the beginning, those of
    a correction to the frame they were drawn on before, mixed with what is followed forwards."""
    set: Path | None = None
    """Segment the sequences this list names in the DAVIS or YouTube-VOS root SOURCE, each object
    from its first annotation: a file, or a name in ImageSets such as val."""
    out: Path | None = None
    """The output folder. Default: runs/segment/<name of the source>."""
    method: str = "feelvos"
    """One of `propago models`."""
    refine: Literal["spn", "none"] | None = None
    """spn sharpens each prediction along the edges of the picture, before it is cleaned. Default:
    the method's, see `propago models`."""
    clean: Literal["craf", "none"] | None = None
    """craf makes each prediction consistent with the frame before, before objects compete and
    before it is remembered; regions that were not there go. Default: the method's."""
    to: Formats = ()
    """Write the results in this format, too, see `propago convert`: youtube-vis, ctc, prores ...
    Once for each."""
    matte: bool = False
    """With --to prores, webm, rgba-pngs, alpha-pngs or cutout: alpha follows the colours of the
    frame along the edges of the masks."""


def run(argv: list[str]) -> int:
    """Segment, and say where things are."""
    arguments = parse(SegmentArguments, argv, "segment")
    if arguments.set and (arguments.boxes or arguments.clicks):
        raise UsageError(
            "--box and --click are for one video; with --set every sequence has its annotation"
        )
    if arguments.set and arguments.end_objects:
        raise UsageError("--end-object is for one video, not for --set")
    if arguments.set and arguments.both_ways:
        raise UsageError("--both-ways is for one video, not for --set")
    if arguments.set and len(arguments.masks) > 1:
        raise UsageError("--masks: with --set give one root of annotations")
    refuse_unknown(arguments.to, matte=arguments.matte)
    if not arguments.set and is_manifest(arguments.source):
        return _run_many(arguments)
    arguments.many.refuse_for_one(is_set=arguments.set is not None)
    results = _segmented(arguments)
    for note in dict.fromkeys(note for result in results for note in result.notes):
        say_note(note, arguments)
    say_licence(results[-1].method)
    say_licence(results[-1].refiner)
    say_licence(results[-1].prompter)
    for result in results:
        _print(result)
        frames = _frames(arguments, result.name)
        reading = {"matte": arguments.matte} | arguments.run.reading
        say_exports(arguments, result.out, frames, **reading)
    return 0


def _run_many(arguments: SegmentArguments) -> int:
    """Segment many videos, and say what came of each; 1 where one failed."""
    pointed = arguments.boxes or arguments.clicks
    if pointed or arguments.end_objects or arguments.both_ways:
        raise UsageError(
            "--box, --click, --end-object, --both-ways: for one video; of many, each has its masks"
        )
    if len(arguments.masks) > 1:
        raise UsageError("--masks: of many videos give one folder in which their masks are")
    from propago.jobs.segment_many import segment_many

    with frame_progress() as progress:
        many = segment_many(
            arguments.source,
            masks=next(iter(arguments.masks), None),
            out=arguments.out,
            method=arguments.method,
            refine=arguments.refine,
            clean=arguments.clean,
            options=arguments.run,
            many=arguments.many,
            progress=progress,
        )
    if many.results:
        say_licence(many.results[-1].method)
        say_licence(many.results[-1].refiner)
    reading = {"matte": arguments.matte} | arguments.run.reading
    return say_many(arguments, many, videos=arguments.source, remark=_lost, **reading)


def _lost(result: "SegmentResult") -> str:
    return f", lost {', '.join(map(str, sorted(result.lost)))}" if result.lost else ""


def _frames(arguments: SegmentArguments, name: str) -> str | Path:
    """The frames of a result."""
    from propago.io.davis_layout import davis_frames

    return davis_frames(Path(arguments.source), name) if arguments.set else arguments.source


def _segmented(arguments: SegmentArguments) -> "list[SegmentResult]":
    from propago.jobs.segment import segment
    from propago.jobs.segment_many import segment_set

    with frame_progress() as progress:
        common = {
            "out": arguments.out,
            "method": arguments.method,
            "refine": arguments.refine,
            "clean": arguments.clean,
            "options": arguments.run,
            "progress": progress,
            "finetune_progress": progress.fine_tuning,
        }
        if arguments.set:
            return segment_set(
                arguments.source,
                arguments.set,
                masks=next(iter(arguments.masks), None),
                jobs=arguments.many.jobs,
                **common,
            )
        given = {
            "boxes": arguments.boxes,
            "clicks": arguments.clicks,
            "prompter": arguments.prompter,
            "end_objects": arguments.end_objects,
            "both_ways": arguments.both_ways,
        }
        return [segment(arguments.source, arguments.masks, **given, **common)]


def _print(result: "SegmentResult") -> None:
    objects = ", ".join(map(str, result.ids)) or "none"
    speed = f"{result.frames_per_s:.1f} frames/s"
    if result.given:
        print(f"given    {result.given} (a picture of what boxes and clicks became)")
    print(f"masks    {result.masks} ({result.frames} frames, objects {objects}, {speed})")
    if result.overlay:
        print(f"overlay  {result.overlay}")
    print(f"record   {result.out / 'run.json'}")
    for object_id, index in sorted(result.lost.items()):
        print(f"lost     object {object_id} from frame {index} on")
