"""`propago frame`."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from propago.cli.arguments import parse


@dataclass(frozen=True)
class FrameArguments:
    """Write one frame of a video as a picture, to draw a first mask on.

    Examples:
        propago frame clip.mp4 0 --out still.png
    """

    source: tyro.conf.Positional[str]
    """A video file, a folder of frames, a quoted glob of images, a multi-page TIFF."""
    index: tyro.conf.Positional[int] = 0
    """Which frame, counted from 0."""
    out: Path | None = None
    """The picture. Default: <name of the source>_<index>.png in the current folder."""
    contrast: tuple[float, float] | None = None
    """The stored values that become black and white, such as 100,4000. Default: 0,255 of 8 bits, of
    others what several frames show."""
    channel: int | None = None
    """Of TIFFs with several channels, counted from 1. Default: the first."""
    overwrite: bool = False
    """Replace a picture that is there."""


def run(argv: list[str]) -> int:
    """Write the still, and say where it is."""
    arguments = parse(FrameArguments, argv, "frame")
    from propago.io.pictures import save_frame

    print(save_frame(**vars(arguments)))
    return 0
