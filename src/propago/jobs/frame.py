"""`propago frame`: a still of one frame, to draw a first mask on."""

from pathlib import Path

from propago.errors import UsageError
from propago.io.pictures import write_picture
from propago.io.video import open_source
from propago.jobs.annotations import frame_at
from propago.ops.image import image_to_rgb


def still(
    source: str | Path, index: int, out: str | Path | None = None, *, overwrite: bool = False
) -> Path:
    """Write one frame as a picture of exactly the size that its mask must have.

    Args:
        source: anything `segment` takes.
        index: of the frame, counted from 0.
        out: the picture; <name of the source>_<index>.png in the current folder if None.
        overwrite: replace a picture that is there.

    Returns:
        The picture's path.

    Raises:
        UsageError: there is no such frame, or `out` exists.
        SourceError: the source cannot be read.
        OutputError: the picture cannot be written.
    """
    opened = open_source(source)
    path = Path(out) if out else Path(f"{opened.name}_{index:05d}.png")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists, perhaps drawn on; choose another --out or --overwrite")
    write_picture(path, image_to_rgb(frame_at(opened, index).image))
    return path
