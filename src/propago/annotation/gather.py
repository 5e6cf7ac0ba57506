"""What a person says about the objects: mask files, or boxes and clicks that become masks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from propago.annotation.arrays import LabelMaps, annotations_of
from propago.annotation.ends import End, with_ends
from propago.annotation.prompted import Prompted, masks_of_prompts
from propago.annotation.prompts import Box, Clicks, read_prompts
from propago.errors import UsageError
from propago.io.merged_masks import read_merged
from propago.io.source import Source
from propago.prompts import Prompter
from propago.types import Annotation


@dataclass(frozen=True)
class AnnotationSet:
    """All that is given for a source.

    Attributes:
        given: masks by `Frame.index`.
        notes: how the files were understood, in sentences for the user.
        prompted: the frames whose masks come from boxes and clicks.
        both_ways: objects are followed backwards, too, from each frame that they are drawn on.
    """

    given: dict[int, Annotation]
    notes: tuple[str, ...] = ()
    prompted: tuple[Prompted, ...] = ()
    both_ways: bool = False

    @property
    def prompter(self) -> dict[str, Any]:
        """What made masks of boxes and clicks; empty where there are none."""
        return self.prompted[0].prompter if self.prompted else {}

    @property
    def pointed_at(self) -> dict[str, Any]:
        """Boxes and clicks as they were written, and what made masks of them, as JSON values."""
        written = [w for made in self.prompted for prompt in made.prompts for w in prompt.written]
        return {
            "boxes": [str(one) for one in written if isinstance(one, Box)],
            "clicks": [str(one) for one in written if isinstance(one, Clicks)],
            "prompter": self.prompter,
        }

    @property
    def ids(self) -> tuple[int, ...]:
        """Every id that is given somewhere, ascending."""
        return tuple(sorted({i for masks in self.given.values() for i in masks.ids}))


def gather_annotations(
    source: Source,
    masks: Sequence[Path] | LabelMaps,
    boxes: Iterable[Box | str] = (),
    ends: Iterable[End] = (),
    *,
    clicks: Iterable[Clicks | str] = (),
    prompter: str | Prompter | None = None,
    fit: bool = False,
    only_first: bool = False,
) -> AnnotationSet:
    """Read the masks that are given for a source, and make masks of its boxes and clicks.

    Args:
        source: the frames they belong to.
        masks: masks of the first frame, folders of masks named by frame, or of one folder an
            object; none where there are boxes or clicks. Or label maps in memory.
        boxes: `Box`es or their text.
        ends: which objects are gone from which frame on.
        clicks: `Clicks` or their text.
        prompter: what makes masks of boxes and clicks, see `load_prompter`.
        fit: resize masks of another size than the frame.
        only_first: of a folder, take each object from the first mask it is in.

    Raises:
        UsageError: nothing is given, or a box, a click or an end is not legal for its frame.
        MaskError: a mask file is not legal.
    """
    written = read_prompts(boxes, clicks)
    given, notes = ({}, ())
    if isinstance(masks, np.ndarray | Mapping):
        given = annotations_of(masks, source, fit=fit)
    elif masks:
        given, notes = read_merged(masks, source, fit=fit, only_first=only_first)
    if not given and not written:
        raise UsageError(_both_ways(source))
    prompted = masks_of_prompts(source, written, prompter)
    given = dict(given)
    for made in prompted:
        index = made.frame.index
        given[index] = _merged(given.get(index), made)
    more = (note for made in prompted for note in made.notes)
    return AnnotationSet(with_ends(source, given, ends), (*notes, *more), tuple(prompted))


def _merged(given: Annotation | None, made: Prompted) -> Annotation:
    """A mask file's word on a frame, with the objects pointed at in what it leaves free."""
    if given is None:
        return Annotation(made.labels)
    twice = set(given.ids) & {one.id for one in made.prompts}
    if twice:
        raise UsageError(
            f"object {min(twice)} has both a mask and a box or clicks on frame {made.frame.index}; "
            "give one of them"
        )
    free = given.labels == 0
    dtype = np.result_type(given.labels, made.labels)
    known = np.where(given.void, 0, given.labels) if dtype == np.uint16 else given.labels
    return Annotation(np.where(free, made.labels, known).astype(dtype), given.ended)


def _both_ways(source: Source) -> str:
    height, width = source.size
    box = f"1={width // 4},{height // 4},{width * 3 // 4},{height * 3 // 4}"
    first, click = source.selected.start, f"1={width // 2},{height // 2}"
    return (
        "no object to follow is given. There are three ways:\n"
        f"  `masks`  a mask of frame {first}: a PNG of {width}x{height} with 0 for the background "
        "and 1, 2, ... for the objects\n"
        f"  `boxes`  a box ID=x0,y0,x1,y1 around each object on frame {first} (or on another: "
        f"@frame), such as {box}\n"
        "  `clicks`  ID=x,y on each object, more pairs to say it better, -x,-y beside it, such as "
        f"{click}\n"
        "To get a still to draw on or to read coordinates from:\n"
        f"  propago frame {source.path} {first}"
    )
