"""`propago refine`."""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from propago.cli.arguments import parse
from propago.cli.exports import Formats, refuse_unknown, say_exports
from propago.cli.progress import frame_progress, say_licence
from propago.refinement.spn.settings import SpnSettings


@dataclass(frozen=True)
class RefineArguments:
    """Sharpen anyone's masks of a video along the edges of its pictures.

    The spatial propagation network looks at each object by itself. Masks come as indexed PNGs or
    as scores (.npz, .npy), one file a frame, named by frame.

    Examples:
        propago refine clip.mp4 runs/segment/clip --out refined
        propago refine clip.mp4 their_scores --scores
    """

    frames: tyro.conf.Positional[str]
    """A video file, a folder of frames, a quoted glob of images, a multi-page TIFF."""
    masks: tyro.conf.Positional[Path]
    """A folder of masks or scores, or the folder that `propago segment` wrote."""
    where: tyro.conf.OmitArgPrefixes[SpnSettings]
    scores: bool = False
    """The PNGs are scores, not label maps: grey, 8 or 16 bits; ID/FRAME.png if several objects."""
    out: Path | None = None
    """The output folder: masks/, and scores/ where scores came. Default: runs/refine/<name>."""
    to: Formats = ()
    """Write the results in this format, too, see `propago convert`: youtube-vis, ctc, prores ...
    Once for each."""
    weights: str = "default"
    """Shipped weights, or a .safetensors file of `propago train`."""
    contrast: tuple[float, float] | None = None
    """The stored values that become black and white, such as 100,4000. Default: 0,255 of 8 bits, of
    others what several frames show."""
    channel: int | None = None
    """Of TIFFs with several channels, counted from 1. Default: the first."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
    threads: int | None = None
    """Processor threads. Default: all of them."""
    overwrite: bool = False
    """Delete earlier results in the output folder."""


def run(argv: list[str]) -> int:
    """Refine, and say where things are."""
    arguments = parse(RefineArguments, argv, "refine")
    refuse_unknown(arguments.to)
    from propago.jobs.refine import refine_masks
    from propago.refinement.spn.run import Spn
    from propago.runs.processor import at_most_threads

    spn = Spn.load(arguments.weights, device=arguments.device, settings=arguments.where)
    with frame_progress() as progress, at_most_threads(arguments.threads):
        result = refine_masks(
            arguments.frames,
            arguments.masks,
            scores=arguments.scores,
            out=arguments.out,
            refiner=spn,
            contrast=arguments.contrast,
            channel=arguments.channel,
            overwrite=arguments.overwrite,
            progress=progress,
        )
    say_licence(spn.description)
    print(f"masks   {result.masks} ({result.frames} frames)")
    if result.scores:
        print(f"scores  {result.scores}")
    reading = {"contrast": arguments.contrast, "channel": arguments.channel}
    out = result.masks.parent
    say_exports(sys.modules[__name__], out, arguments.to, arguments.frames, **reading)
    return 0
