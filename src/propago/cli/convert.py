"""`propago convert`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from propago.cli.arguments import parse, say_note
from propago.cli.progress import frame_progress


@dataclass(frozen=True)
class ConvertArguments:
    """Write masks of videos in another format; what it cannot hold is said.

    Folders: label-maps (indexed PNGs), davis, youtube-vos, 16-bit-pngs, grey-pngs, rgb-pngs,
    binary-pngs, mots-png, ctc (Cell Tracking Challenge), labelme, labelme-polygons, yolo. Files:
    youtube-vis, coco, coco-polygons, label-studio (.json), cvat (.xml), mots (.txt), tiff, npz,
    npy; csv, a table of boxes, areas and centroids. Soft: soft-masks (npz), soft-pictures.
    Mattes, of the soft masks where there are some: rgba-pngs, alpha-pngs, prores (.mov), webm,
    cutout (.mp4).

    Examples:
        propago convert runs/segment/clip clip.json
        propago convert runs/segment/clip areas.csv
        propago convert clip.json cells --to ctc
        propago convert runs/segment/clip clip.mov --frames clip.mp4 --matte
        propago convert labels masks --from yolo --frames clip.mp4
    """

    masks: tyro.conf.Positional[Path]
    """A file or folder of masks, one that `propago` wrote, or a zip file."""
    out: tyro.conf.Positional[Path]
    """The file or folder to write."""
    from_format: Annotated[str | None, tyro.conf.arg(name="from", metavar="FORMAT")] = None
    """The format of MASKS. Default: told by its content."""
    to_format: Annotated[str | None, tyro.conf.arg(name="to", metavar="FORMAT")] = None
    """The format of OUT. Default: told by its suffix; a folder is label-maps."""
    frames: Path | None = None
    """The video or its frames, for mattes, and for masks that do not say how large it is (yolo)."""
    fps: float | None = None
    """Of --frames that are pictures: how many are shown a second. Default: 24."""
    objects: Literal["merged", "each"] = "merged"
    """Of mattes: all objects in one, or each on its own (ID/FRAME.png, OUT_ID.mov)."""
    premultiplied: bool = False
    """Of mattes: colours are multiplied by alpha. Default: they are straight."""
    background: str = "#00ff00"
    """Of cut-outs."""
    matte: bool = False
    """Of mattes: alpha follows the colours of the frame along the edges of the masks."""
    edge_px: int = 4
    """With --matte: how far from its edge a mask may be wrong."""
    overwrite: bool = False
    """Replace what is there; other files in a folder stay."""


def run(argv: list[str]) -> int:
    """Convert, and say what was written and what was lost."""
    arguments = parse(ConvertArguments, argv, "convert")
    from propago.io.formats.mattes import MatteOptions
    from propago.jobs.convert import convert

    named = ("objects", "premultiplied", "background", "matte", "edge_px")
    mattes = MatteOptions(**{name: getattr(arguments, name) for name in named})
    with frame_progress() as progress:
        done = convert(
            arguments.masks,
            arguments.out,
            from_format=arguments.from_format,
            to_format=arguments.to_format,
            frames=arguments.frames,
            fps=arguments.fps,
            mattes=mattes,
            overwrite=arguments.overwrite,
            progress=progress,
        )
    for note in done.notes:
        say_note(note, arguments)
    videos = f"{len(done.videos)} videos, " if len(done.videos) > 1 else ""
    print(
        f"{done.to_format}  {done.out} ({videos}{done.frames} frames, {done.objects} objects, "
        f"from {done.from_format})"
    )
    return 0
