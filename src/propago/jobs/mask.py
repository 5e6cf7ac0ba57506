"""`propago mask`: boxes and clicks on a frame become its mask, to look at before a run."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from propago.annotation.prompted import masks_of_prompts, picture_of
from propago.annotation.prompts import Box, Clicks, read_prompts
from propago.errors import UsageError
from propago.io.contrast import Contrast
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.io.video import open_source
from propago.prompts import Prompter


@dataclass(frozen=True)
class MadeMask:
    """What `make_mask` wrote.

    Attributes:
        mask: the mask, as `segment` takes it.
        picture: the frame with the mask, the boxes and the clicks drawn in.
        ids: the objects.
        notes: which of them may be wrong, in sentences for the user.
        prompter: what made the mask, its weights and their licence.
    """

    mask: Path
    picture: Path
    ids: tuple[int, ...]
    notes: tuple[str, ...] = ()
    prompter: dict[str, Any] = field(default_factory=dict)


def make_mask(  # noqa: PLR0913
    source: str | Path,
    index: int = 0,
    boxes: Iterable[Box | str] = (),
    out: str | Path | None = None,
    *,
    clicks: Iterable[Clicks | str] = (),
    prompter: str | Prompter | None = None,
    contrast: Contrast | None = None,
    channel: int | None = None,
    overwrite: bool = False,
) -> MadeMask:
    """Make the mask of a frame from boxes around its objects and clicks, and a picture of it.

    Args:
        source: anything `segment` takes.
        index: of the frame, counted from 0.
        boxes: each a `Box`, or "ID=x0,y0,x1,y1".
        out: the mask, a .png; <name of the source>_<index>_mask.png in the current folder if None.
            The picture lies beside it, called ..._shown.png.
        clicks: each `Clicks`, or "ID=x,y[,x,y][,-x,-y]"; with a minus, beside the object.
        prompter: what makes the mask: a name in `PROMPTERS`, or a prompter.
        contrast: see `open_source`.
        channel: see `open_source`.
        overwrite: replace files that are there.

    Raises:
        UsageError: no box and no click or an illegal one, no such frame, or a file exists.
        SourceError: the source cannot be read.
        OutputError: a file cannot be written.
    """
    opened = open_source(source, contrast=contrast, channel=channel)
    path = Path(out) if out else Path(f"{opened.name}_{index:05d}_mask.png")
    shown = path.with_name(f"{path.stem}_shown.png")
    _refuse(path, shown, overwrite=overwrite)
    written = read_prompts(boxes, clicks)
    if not written:
        raise UsageError(
            "`boxes` are missing: give ID=x0,y0,x1,y1 around each object, or `clicks` ID=x,y on it"
        )
    if elsewhere := [one for one in written if one.frame not in (None, index)]:
        raise UsageError(f"{elsewhere[0]} is for another frame than {index}")
    there = [replace(one, frame=index) for one in written]
    (made,) = masks_of_prompts(opened, there, prompter)
    write_mask(path, made.labels)
    write_picture(shown, picture_of([made]))
    opened.say_notes()
    return MadeMask(
        path, shown, tuple(sorted({one.id for one in written})), made.notes, made.prompter
    )


def _refuse(*paths: Path, overwrite: bool) -> None:
    if paths[0].suffix.lower() != ".png":
        raise UsageError(f"`out`: a mask is written as .png, not {paths[0].suffix!r}")
    for path in paths:
        if path.exists() and not overwrite:
            raise UsageError(
                f"`out`: {path} exists, perhaps drawn on; choose another, or give `overwrite`"
            )
