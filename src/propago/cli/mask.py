"""`propago mask`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from propago.cli.arguments import Boxes, Clicks, parse, say_note
from propago.cli.progress import say_licence


@dataclass(frozen=True)
class MaskArguments:
    """Make a first mask from boxes and clicks, and a picture of it to look at, without a run.

    Examples:
        propago mask clip.mp4 0 --box 1=120,80,340,260 --out first.png
        propago mask clip.mp4 0 --click 1=230,170 --click 2=500,90,-520,-300
        propago segment clip.mp4 --masks first.png
    """

    source: tyro.conf.Positional[str]
    """A video file, a folder of frames, a quoted glob of images, a multi-page TIFF."""
    index: tyro.conf.Positional[int] = 0
    """Which frame, counted from 0."""
    boxes: Boxes = ()
    """ID=x0,y0,x1,y1: a box in pixels around object ID. Once for each object."""
    clicks: Clicks = ()
    """ID=x,y or ID=x,y,x,y,-x,-y: clicks in pixels on object ID, with a minus beside it."""
    prompter: Literal["ritm", "grabcut"] | None = None
    """What makes masks of boxes and clicks, see `propago models`."""
    out: Path | None = None
    """The mask. Default: <name of the source>_<index>_mask.png in the current folder. Beside it
    goes a picture that shows it, ..._shown.png."""
    contrast: tuple[float, float] | None = None
    """The stored values that become black and white, such as 100,4000. Default: 0,255 of 8 bits, of
    others what several frames show."""
    channel: int | None = None
    """Of TIFFs with several channels, counted from 1. Default: the first."""
    overwrite: bool = False
    """Replace files that are there."""


def run(argv: list[str]) -> int:
    """Write both, and say where they are and what may be wrong."""
    arguments = parse(MaskArguments, argv, "mask")
    from propago.jobs.mask import make_mask

    made = make_mask(**vars(arguments))
    for note in made.notes:
        say_note(note, arguments)
    say_licence(made.prompter)
    print(f"mask   {made.mask} (objects {', '.join(map(str, made.ids))})")
    print(f"shown  {made.picture}")
    return 0
