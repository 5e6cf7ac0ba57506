"""`propago mask`: boxes on a frame become its mask, to look at before a run."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from propago.errors import UsageError
from propago.io.contrast import Contrast
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.io.video import open_source
from propago.jobs.boxes import Box, masks_of_boxes, parse_box, picture_of


@dataclass(frozen=True)
class MadeMask:
    """What `make_mask` wrote.

    Attributes:
        mask: the mask, as `segment` takes it.
        picture: the frame with the mask and the boxes drawn in.
        ids: the objects.
        notes: which of them may be wrong, in sentences for the user.
    """

    mask: Path
    picture: Path
    ids: tuple[int, ...]
    notes: tuple[str, ...] = ()


def make_mask(
    source: str | Path,
    index: int = 0,
    boxes: Iterable[Box | str] = (),
    out: str | Path | None = None,
    *,
    contrast: Contrast | None = None,
    channel: int | None = None,
    overwrite: bool = False,
) -> MadeMask:
    """Make the mask of a frame from boxes around its objects, and a picture that shows it.

    Args:
        source: anything `segment` takes.
        index: of the frame, counted from 0.
        boxes: each a `Box`, or "ID=x0,y0,x1,y1".
        out: the mask, a .png; <name of the source>_<index>_mask.png in the current folder if None.
            The picture lies beside it, called ..._shown.png.
        contrast: see `open_source`.
        channel: see `open_source`.
        overwrite: replace files that are there.

    Raises:
        UsageError: no box or an illegal one, no such frame, or a file exists.
        SourceError: the source cannot be read.
        OutputError: a file cannot be written.
    """
    opened = open_source(source, contrast=contrast, channel=channel)
    path = Path(out) if out else Path(f"{opened.name}_{index:05d}_mask.png")
    shown = path.with_name(f"{path.stem}_shown.png")
    _refuse(path, shown, overwrite=overwrite)
    drawn = [parse_box(box) if isinstance(box, str) else box for box in boxes]
    if not drawn:
        raise UsageError("`boxes` are missing: give ID=x0,y0,x1,y1 around each object")
    if elsewhere := [box for box in drawn if box.frame not in (None, index)]:
        raise UsageError(f"`boxes` {elsewhere[0]} is for another frame than {index}")
    (made,) = masks_of_boxes(opened, [replace(box, frame=index) for box in drawn])
    write_mask(path, made.labels)
    write_picture(shown, picture_of([made]))
    opened.say_notes()
    return MadeMask(path, shown, tuple(sorted(box.id for box in drawn)), made.notes)


def _refuse(*paths: Path, overwrite: bool) -> None:
    if paths[0].suffix.lower() != ".png":
        raise UsageError(f"`out`: a mask is written as .png, not {paths[0].suffix!r}")
    for path in paths:
        if path.exists() and not overwrite:
            raise UsageError(
                f"`out`: {path} exists, perhaps drawn on; choose another, or give `overwrite`"
            )
