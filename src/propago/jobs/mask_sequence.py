"""What `refine` and `clean` share: the masks of a video come one by one, changed ones go out."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from propago.errors import MaskError, SourceError
from propago.io.atomic import replacing
from propago.io.labels import LabelPolicy
from propago.io.masks import read_mask, write_mask
from propago.io.sequence_folders import label_files
from propago.io.shared_policy import shared_policy
from propago.io.soft_masks import soft_masks_in, write_soft_masks
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.types import Event, SoftMasks

Masks = np.ndarray | SoftMasks
"""A label map (H, W), or soft masks."""

Readers = Mapping[str, Callable[[], Masks]]
"""What reads the masks of each frame, by the frame's name, in order."""


@dataclass(frozen=True)
class Changed:
    """The masks of one frame as they are written; `labels` is what soft masks decide."""

    name: str
    masks: Masks
    events: tuple[Event, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        """(H, W) label map."""
        return self.masks.labels() if isinstance(self.masks, SoftMasks) else self.masks


@dataclass(frozen=True)
class Written:
    """What lies in the folder: how many frames, whether soft masks, px by what was done to them."""

    frames: int
    soft: bool
    pixels: dict[str, int]


def soft_mask_readers(folder: Path, pictures: bool) -> Readers:
    """Of the soft masks in a folder; nothing where it has none.

    Raises:
        SourceError: `pictures` are asked for, and there are none.
    """
    readers = soft_masks_in(folder, pictures=pictures) if folder.is_dir() else {}
    if pictures and not readers:
        raise SourceError(f"{folder} holds no grey PNGs of scores: FRAME.png or ID/FRAME.png")
    return readers


def label_map_readers(folder: Path) -> Readers:
    """Of the label maps in a folder; nothing where it has none."""
    paths = label_files(folder)
    policy = shared_policy(paths.values())
    return {name: partial(_read_labels, path, policy) for name, path in paths.items()}


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
        write_mask(output.masks / f"{one.name}.png", one.labels)
        for event in one.events:
            lines.append(json.dumps({"name": one.name, **asdict(event)}) + "\n")
            pixels[event.what] += event.area_px
        if progress:
            progress(frames, total, what)
    if events:
        with replacing(output.events) as unfinished:
            unfinished.write_text("".join(lines), "utf-8")
    return Written(frames, soft, dict(pixels))


def size_of(masks: Masks) -> tuple[int, int]:
    """(H, W)."""
    height, width = masks.probabilities.shape[1:] if isinstance(masks, SoftMasks) else masks.shape
    return height, width


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


def _read_labels(path: Path, policy: LabelPolicy) -> np.ndarray:
    try:
        return read_mask(path, policy, may_be_empty=True).labels
    except MaskError as error:
        raise MaskError(f"{error}. If the pictures are scores, say so with `scores`") from error
