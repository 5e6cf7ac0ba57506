"""Write a picture, or a frame of a video as one."""

from pathlib import Path

import numpy as np
from PIL import Image

from propago.errors import OutputError, UsageError
from propago.io.atomic import replacing
from propago.io.contrast import Contrast
from propago.io.video import open_source
from propago.ops.image import image_to_rgb


def write_picture(path: Path, rgb: np.ndarray) -> None:
    """Write a (H, W, 3) uint8 RGB picture in the format of the path's extension.

    Raises:
        OutputError: no such format, or it cannot be written.
    """
    form = Image.registered_extensions().get(path.suffix.lower())
    if form not in Image.SAVE:
        raise OutputError(f"{path}: pictures are written as .png or .jpg, not {path.suffix!r}")
    with replacing(path) as temporary:
        Image.fromarray(rgb).save(temporary, form)


def save_frame(
    source: str | Path,
    index: int = 0,
    out: str | Path | None = None,
    *,
    contrast: Contrast | None = None,
    channel: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write one frame as a picture of exactly the size that its mask must have.

    Args:
        source: anything `segment` takes.
        index: of the frame, counted from 0.
        out: the picture; <name of the source>_<index>.png in the current folder if None.
        contrast: see `open_source`.
        channel: see `open_source`.
        overwrite: replace a picture that is there.

    Returns:
        The picture's path.

    Raises:
        UsageError: there is no such frame, or `out` exists.
        SourceError: the source cannot be read.
        OutputError: the picture cannot be written.
    """
    opened = open_source(source, contrast=contrast, channel=channel)
    path = Path(out) if out else Path(f"{opened.name}_{index:05d}.png")
    if path.exists() and not overwrite:
        raise UsageError(
            f"`out`: {path} exists, perhaps drawn on; choose another, or give `overwrite`"
        )
    write_picture(path, image_to_rgb(opened.frame_at(index).image))
    opened.say_notes()
    return path
