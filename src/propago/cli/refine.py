"""`propago refine`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from propago.cli.arguments import parse
from propago.cli.formats import Formats, refuse_unknown, say_exports
from propago.cli.many import say_many
from propago.cli.progress import frame_progress, say_licence
from propago.errors import UsageError
from propago.io.manifest import is_manifest
from propago.refinement.spn.settings import SpnSettings
from propago.runs.options import ManyOptions

if TYPE_CHECKING:
    from propago.refinement.spn.run import Spn


@dataclass(frozen=True)
class RefineArguments:
    """Sharpen anyone's masks of a video along the edges of its pictures.

    The spatial propagation network looks at each object by itself. Masks come as indexed PNGs or
    as scores (.npz, .npy), one file a frame, named by frame.

    Examples:
        propago refine clip.mp4 runs/segment/clip --out refined
        propago refine clip.mp4 their_scores --scores
        propago refine videos/ runs/segment/videos --jobs 2
    """

    frames: tyro.conf.Positional[str]
    """A video file, a folder of frames, a quoted glob of images, a multi-page TIFF. Or many videos:
    a folder of them, or a .txt or .csv file, a line a video, or a video and its masks."""
    masks: tyro.conf.Positional[Path]
    """A folder of masks or scores, or the folder that `propago segment` wrote. Of many videos the
    folder that has a folder NAME for each."""
    where: tyro.conf.OmitArgPrefixes[SpnSettings]
    many: tyro.conf.OmitArgPrefixes[ManyOptions]
    scores: bool = False
    """The PNGs are scores, not label maps: grey, 8 or 16 bits; ID/FRAME.png if several objects."""
    out: Path | None = None
    """The output folder: masks/, and scores/ where scores came. Default: runs/refine/<name>."""
    to: Formats = ()
    """Write the results in this format, too, see `propago convert`: youtube-vis, ctc, prores ...
    Once for each."""
    matte: bool = False
    """With --to prores, webm, rgba-pngs, alpha-pngs or cutout: alpha follows the colours of the
    frame along the edges of the masks."""
    weights: str = "default"
    """Shipped weights, or a .safetensors file of `propago train`."""
    contrast: tuple[float, float] | None = None
    """The stored values that become black and white, such as 100,4000. Default: 0,255 of 8 bits, of
    others what several frames show."""
    channel: int | None = None
    """Of TIFFs with several channels, counted from 1. Default: the first."""
    fps: float | None = None
    """Of frames that are pictures: how many are shown a second, in a matte. Default: 24."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    threads: int | None = None
    """Processor threads. Default: all of them."""
    overwrite: bool = False
    """Delete earlier results in the output folder."""
    resume: bool = False
    """Of many videos: keep those that are done."""


def run(argv: list[str]) -> int:
    """Refine, and say where things are."""
    arguments = parse(RefineArguments, argv, "refine")
    refuse_unknown(arguments.to, matte=arguments.matte)
    is_many = is_manifest(arguments.frames)
    if not is_many:
        arguments.many.refuse_for_one()
        if arguments.resume:
            raise UsageError("--resume is for many videos: those that are done are kept")
    from propago.jobs.refine import refine_masks
    from propago.refinement.spn.run import Spn
    from propago.runs.processor import at_most_threads

    spn = Spn.load(arguments.weights, device=arguments.device, settings=arguments.where)
    if is_many:
        return _run_many(arguments, spn)
    with frame_progress() as progress, at_most_threads(arguments.threads):
        result = refine_masks(
            arguments.frames, arguments.masks, **_options(arguments, spn), progress=progress
        )
    say_licence(spn.description)
    print(f"masks   {result.masks} ({result.frames} frames)")
    if result.scores:
        print(f"scores  {result.scores}")
    say_exports(arguments, result.out, arguments.frames, **_exporting(arguments))
    return 0


def _run_many(arguments: RefineArguments, spn: "Spn") -> int:
    """Refine the masks of many videos, and say what came of each; 1 where one failed."""
    from propago.jobs.refine import refine_many

    with frame_progress() as progress:
        many = refine_many(
            arguments.frames,
            arguments.masks,
            **_options(arguments, spn),
            many=arguments.many,
            threads=arguments.threads,
            resume=arguments.resume,
            progress=progress,
        )
    say_licence(spn.description)
    return say_many(arguments, many, videos=arguments.frames, **_exporting(arguments))


def _options(arguments: RefineArguments, spn: "Spn") -> dict[str, Any]:
    named = ("scores", "out", "overwrite", "contrast", "channel")
    return {name: getattr(arguments, name) for name in named} | {"refiner": spn}


def _exporting(arguments: RefineArguments) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in ("contrast", "channel", "fps", "matte")}
