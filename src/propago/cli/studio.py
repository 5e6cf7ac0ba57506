"""`propago studio`."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from propago.cli.arguments import parse
from propago.jobs.options import SegmentOptions

if TYPE_CHECKING:
    from propago.studio.serving import StudioAddress


@dataclass(frozen=True)
class StudioArguments:
    """Draw first masks, carry them through the video, correct and review, in the browser.

    It is reached from this machine alone, at an address that holds a secret. Ctrl-C ends it;
    everything drawn and found lies in --out, and the same command goes on with it. So does
    propago segment SOURCE --masks OUT/annotations --out OUT --resume.

    Examples:
        propago studio clip.mp4
        propago studio clip.mp4 --masks first.png --out work
        propago studio clip.mp4 --masks runs/track/clip
    """

    source: tyro.conf.Positional[str]
    """A video file, a folder of frames, a quoted glob of images, a multi-page TIFF."""
    masks: tyro.conf.UseAppendAction[
        Annotated[tuple[Annotated[Path, tyro.conf.arg(metavar="PATH")], ...], tyro.conf.arg()]
    ] = ()
    """Masks to begin with: of the first frame, or a folder of masks named by frame. Or a folder
    that `propago track` wrote: rename, join, part and delete its tracks, and save."""
    out: Path | None = None
    """The folder of masks and results. Default: runs/studio/<name of the source>."""
    gt: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """The ground truth, masks named like the frames: the page shows what differs, and J."""
    host: str = "127.0.0.1"
    """The address to listen at. Another one lets other machines in, if they know the secret."""
    port: int = 0
    """The port. Default: a free one."""
    open: Annotated[bool, tyro.conf.FlagCreatePairsOff] = True
    """opening the browser."""
    method: str = "feelvos"
    """One of `propago models`."""
    prompter: Literal["ritm", "grabcut"] | None = None
    """What answers boxes and clicks, see `propago models`."""
    device: str = "auto"
    """auto, cpu, cuda or mps, for the method and what answers boxes and clicks."""
    threads: int | None = None
    """Processor threads; all of them if left out."""
    size: int | None = None
    """Shorter side in pixels at which the network works."""
    weights: str = "default"
    """default, synthetic (free for any use), or a safetensors file."""
    finetune: Annotated[str | None, tyro.conf.arg(metavar="BUDGET")] = None
    """Fine-tune the method on each frame that is drawn on, as `segment` does: 60s or 300steps."""
    contrast: tuple[float, float] | None = None
    """The stored values that become black and white, such as 100,4000. Default: 0,255 of 8 bits,
    of others what several frames show."""
    channel: int | None = None
    """Of TIFFs with several channels, counted from 1. Default: the first."""
    fps: float | None = None
    """Of pictures: how many are shown a second. Default: 24."""


_OPTIONS = ("device", "threads", "size", "weights", "finetune", "contrast", "channel", "fps")


def run(argv: list[str]) -> int:
    """Serve until Ctrl-C."""
    arguments = parse(StudioArguments, argv, "studio")
    from propago.jobs.studio import serve_studio

    def ready(address: "StudioAddress") -> None:
        print(f"studio   {address.url}")
        print(f"folder   {address.out}", flush=True)
        print("Ctrl-C ends it; what is drawn and found is kept.", file=sys.stderr)
        if arguments.open:
            import webbrowser

            webbrowser.open(address.url)

    with suppress(KeyboardInterrupt):  # which is how it ends
        serve_studio(
            arguments.source,
            arguments.masks or None,
            out=arguments.out,
            gt=arguments.gt,
            method=arguments.method,
            prompter=arguments.prompter,
            host=arguments.host,
            port=arguments.port,
            options=SegmentOptions(**{name: getattr(arguments, name) for name in _OPTIONS}),
            ready=ready,
        )
    return 0
