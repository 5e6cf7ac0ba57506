"""What a person says about the objects: mask files, or boxes that become masks."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from propago.errors import UsageError
from propago.io.masks import write_mask
from propago.io.merged_masks import read_merged
from propago.io.pictures import write_picture
from propago.io.source import Source
from propago.jobs.endings import End, with_ends
from propago.ops.box_mask import ellipse_in_box, mask_in_box
from propago.ops.image import image_to_rgb
from propago.report.overlay import VIVID, draw_overlay
from propago.runs.output_folder import OutputFolder
from propago.runs.writers import Writer
from propago.types import VOID, Annotation, Frame

_NUMBER = r"\s*(-?\d+(?:\.\d*)?)\s*"
_BOX = re.compile(rf"\s*(\d+)\s*={_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}(?:@\s*(\d+)\s*)?")
_MAX_ID = 65_535


@dataclass(frozen=True)
class Box:
    """A box around one object.

    Attributes:
        id: the object's id, 1 to 65535.
        xyxy: x0, y0, x1, y1 in pixels, exclusive end.
        frame: index of the frame it is drawn on; the first selected one if None.
    """

    id: int
    xyxy: tuple[float, float, float, float]
    frame: int | None = None

    def __str__(self) -> str:
        corners = ",".join(f"{v:g}" for v in self.xyxy)
        return f"{self.id}={corners}" + ("" if self.frame is None else f"@{self.frame}")


@dataclass(frozen=True)
class Boxed:
    """A frame with boxes on it, and the label map that was made of them."""

    frame: Frame
    labels: np.ndarray
    boxes: tuple[Box, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnnotationSet:
    """All that is given for a source.

    Attributes:
        given: masks by `Frame.index`.
        notes: how the files were understood, in sentences for the user.
        boxed: the frames whose masks come from boxes.
        both_ways: the objects of the first annotated frame are followed backwards, too.
    """

    given: dict[int, Annotation]
    notes: tuple[str, ...] = ()
    boxed: tuple[Boxed, ...] = ()
    both_ways: bool = False

    @property
    def ids(self) -> tuple[int, ...]:
        """Every id that is given somewhere, ascending."""
        return tuple(sorted({i for masks in self.given.values() for i in masks.ids}))


def parse_box(text: str) -> Box:
    """The box written ID=x0,y0,x1,y1 or ID=x0,y0,x1,y1@frame.

    Raises:
        UsageError: it is written otherwise.
    """
    match = _BOX.fullmatch(text)
    if match is None:
        raise UsageError(
            f"`boxes` {text!r} is not understood: a box is ID=x0,y0,x1,y1 or ID=x0,y0,x1,y1@frame, "
            "for example 1=120,80,340,260@0 (pixels from the top left corner)"
        )
    object_id, *corners, frame = match.groups()
    x0, y0, x1, y1 = map(float, corners)
    return Box(int(object_id), (x0, y0, x1, y1), None if frame is None else int(frame))


def gather_annotations(
    source: Source,
    masks: Sequence[Path],
    boxes: Iterable[Box | str] = (),
    ends: Iterable[End] = (),
    *,
    fit: bool = False,
    only_first: bool = False,
) -> AnnotationSet:
    """Read the masks that are given for a source, and make masks of its boxes.

    Args:
        source: the frames they belong to.
        masks: masks of the first frame, folders of masks named by frame, or of one folder an
            object; none where there are boxes.
        boxes: `Box`es or their text.
        ends: which objects are gone from which frame on.
        fit: resize masks of another size than the frame.
        only_first: of a folder, take each object from the first mask it is in.

    Raises:
        UsageError: nothing is given, or a box or an end is not legal for its frame.
        MaskError: a mask file is not legal.
    """
    parsed = [parse_box(box) if isinstance(box, str) else box for box in boxes]
    if not masks and not parsed:
        raise UsageError(_both_ways(source))
    given, notes = ({}, ())
    if masks:
        given, notes = read_merged(masks, source, fit=fit, only_first=only_first)
    boxed = _made_of_boxes(source, parsed)
    given = dict(given)
    for made in boxed:
        index = made.frame.index
        given[index] = _merged(given.get(index), made)
    more = (note for made in boxed for note in made.notes)
    return AnnotationSet(with_ends(source, given, ends), (*notes, *more), tuple(boxed))


class BoxWriter(Writer[Any]):
    """given/FRAME.png and given.png: the masks that were made of boxes, and how they look."""

    def __init__(self, boxed: Sequence[Boxed]) -> None:
        """`boxed` are written before the first result."""
        self._boxed = boxed

    def open(self, output: OutputFolder, after: int | None) -> None:
        """Write them.

        Raises:
            OutputError: they cannot be written.
        """
        output.make(output.given)
        for made in self._boxed:
            write_mask(output.given / f"{made.frame.name}.png", made.labels)
        picture = np.concatenate([_shown(made) for made in self._boxed])
        write_picture(output.given_picture, picture)


def _made_of_boxes(source: Source, boxes: Sequence[Box]) -> list[Boxed]:
    """One result per frame with boxes, in order of time; larger boxes lie behind smaller ones."""
    first = source.selected.start
    placed = [replace(box, frame=first if box.frame is None else box.frame) for box in boxes]
    for box in placed:
        _refuse_illegal(box, source.size)
    by_frame: dict[int, list[Box]] = {}
    for box in sorted(placed, key=_area_px, reverse=True):
        by_frame.setdefault(box.frame or 0, []).append(box)
    return [_cut_out(source.frame_at(index), by_frame[index]) for index in sorted(by_frame)]


def _cut_out(frame: Frame, boxes: list[Box]) -> Boxed:
    ids = [box.id for box in boxes]
    if len(set(ids)) < len(ids):
        raise UsageError(
            f"`boxes`: an id is boxed twice on frame {frame.index}; ids: {sorted(ids)}"
        )
    rgb = image_to_rgb(frame.image)
    labels = np.zeros(frame.size, np.uint8 if max(ids) < VOID else np.uint16)
    notes = []
    for box in boxes:
        mask = mask_in_box(rgb, box.xyxy)
        if mask is None:
            mask = ellipse_in_box(frame.size, box.xyxy)
            notes.append(
                f"no outline was found in the box {box}: the ellipse in it is object {box.id}; "
                "draw the box closer, or give a mask"
            )
        labels[mask] = box.id
    return Boxed(frame, labels, tuple(boxes), tuple(notes))


def _merged(given: Annotation | None, made: Boxed) -> Annotation:
    """A mask file's word on a frame, with the boxed objects in what it leaves free."""
    if given is None:
        return Annotation(made.labels)
    twice = set(given.ids) & {box.id for box in made.boxes}
    if twice:
        raise UsageError(
            f"object {min(twice)} has both a mask and a box on frame {made.frame.index}; "
            "give one of them"
        )
    free = given.labels == 0
    dtype = np.result_type(given.labels, made.labels)
    known = np.where(given.void, 0, given.labels) if dtype == np.uint16 else given.labels
    return Annotation(np.where(free, made.labels, known).astype(dtype), given.ended)


def _refuse_illegal(box: Box, size: tuple[int, int]) -> None:
    height, width = size
    x0, y0, x1, y1 = box.xyxy
    if not all(map(math.isfinite, box.xyxy)) or x1 <= x0 or y1 <= y0:
        raise UsageError(f"`boxes` {box} is empty: x1 lies right of x0 and y1 below y0")
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        raise UsageError(
            f"`boxes` {box} lies outside the frame: x goes from 0 to {width}, y from 0 to {height}"
        )
    if not 1 <= box.id <= _MAX_ID:
        raise UsageError(f"`boxes` {box}: an object's id is 1 to {_MAX_ID}, not {box.id}")


def _area_px(box: Box) -> float:
    x0, y0, x1, y1 = box.xyxy
    return (x1 - x0) * (y1 - y0)


def _shown(made: Boxed) -> np.ndarray:
    """(H, W, 3) uint8 picture of the frame with masks and boxes."""
    drawn = draw_overlay(image_to_rgb(made.frame.image), made.labels)
    for box in made.boxes:
        x0, y0, x1, y1 = (round(v) for v in box.xyxy)
        colour = VIVID[(box.id - 1) % 255 + 1].tolist()
        cv2.rectangle(drawn, (x0, y0), (x1 - 1, y1 - 1), colour, 1)
    return drawn


def _both_ways(source: Source) -> str:
    height, width = source.size
    box = f"1={width // 4},{height // 4},{width * 3 // 4},{height * 3 // 4}"
    first = source.selected.start
    return (
        "no object to follow is given. There are two ways:\n"
        f"  `masks`  a mask of frame {first}: a PNG of {width}x{height} with 0 for the background "
        "and 1, 2, ... for the objects\n"
        f"  `boxes`  a box ID=x0,y0,x1,y1 around each object on frame {first} (or on another: "
        f"@frame), such as {box}\n"
        "To get a still to draw on or to read coordinates from:\n"
        f"  propago frame {source.path} {first}"
    )
