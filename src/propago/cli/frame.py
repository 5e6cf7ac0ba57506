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
    overwrite: bool = False
    """Replace a picture that is there."""


def run(argv: list[str]) -> int:
    """Write the still, and say where it is."""
    arguments = parse(FrameArguments, argv, "frame")
    from propago.io.pictures import save_frame

    print(
        save_frame(arguments.source, arguments.index, arguments.out, overwrite=arguments.overwrite)
    )
    return 0
