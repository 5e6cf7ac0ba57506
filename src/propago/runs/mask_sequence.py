"""What `refine` and `clean` share: the masks of a video come one by one, changed ones go out."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from propago.errors import MaskError
from propago.io.atomic import write_text
from propago.io.mask_sequence import Masks, labels_of
from propago.io.masks import write_mask
from propago.io.soft_masks import write_soft_masks
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.types import Event, SoftMasks


@dataclass(frozen=True)
class Changed:
    """The masks of one frame as they are written, and what was done to them."""

    name: str
    masks: Masks
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Written:
    """What lies in the folder: how many frames, whether soft masks, px by what was done to them."""

    frames: int
    soft: bool
    pixels: dict[str, int]


def write_sequence(
    changed: Iterable[Changed],
    output: OutputFolder,
    total: int,
    what: str,
    *,
    events: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Write every frame's masks, and in one file what was done to them.

    Args:
        changed: in order of time.
        output: gets masks/, scores/ where soft masks come, and clean.jsonl with `events`.
        total: how many can come.
        what: the name of the sequence, for `progress`.
        events: whether they are written.
        progress: called as (masks done, masks in all, `what`).

    Raises:
        OutputError: they cannot be written.
    """
    frames, soft, pixels, lines = 0, False, Counter(), []
    output.make(output.masks)
    for frames, one in enumerate(changed, 1):
        if isinstance(one.masks, SoftMasks):
            soft = True
            output.make(output.scores)
            write_soft_masks(output.scores / f"{one.name}.npz", one.masks)
        write_mask(output.masks / f"{one.name}.png", labels_of(one.masks))
        for event in one.events:
            lines.append(json.dumps({"name": one.name, **asdict(event)}) + "\n")
            pixels[event.what] += event.area_px
        if progress:
            progress(frames, total, what)
    if events:
        write_text(output.events, "".join(lines))
    return Written(frames, soft, dict(pixels))


def refuse_other_size(
    what: str, size: tuple[int, int], other: str, wanted: tuple[int, int]
) -> None:
    """Refuse masks of another size (H, W) than `other` of size `wanted`.

    Raises:
        MaskError: it is.
    """
    if size != wanted:
        raise MaskError(
            f"{what} is {size[1]}x{size[0]}, {other} {wanted[1]}x{wanted[0]}; all masks of a "
            "video have the size of its frames"
        )
