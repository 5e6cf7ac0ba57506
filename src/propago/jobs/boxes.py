"""Boxes around objects, which become masks: the first ones where nobody has drawn any."""

import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from propago.errors import PropagoWarning, UsageError
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.io.source import Source
from propago.ops.box_mask import ellipse_in_box, is_unsteady, mask_in_box
from propago.ops.image import image_to_rgb
from propago.report.overlay import VIVID, draw_overlay
from propago.runs.output_folder import OutputFolder
from propago.runs.writers import Writer
from propago.types import VOID, Frame

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


class BoxWriter(Writer[Any]):
    """given/FRAME.png and given.png: the masks that were made of boxes, and how they look."""

    def __init__(self, boxed: Sequence[Boxed]) -> None:
        """`boxed` are written before the first result."""
        self._boxed = boxed

    def open(self, output: OutputFolder, after: int | None) -> None:
        """Write them; masks that may be wrong are said at once, not when all is done.

        Raises:
            OutputError: they cannot be written.
        """
        output.make(output.given)
        for made in self._boxed:
            write_mask(output.given / f"{made.frame.name}.png", made.labels)
        write_picture(output.given_picture, picture_of(self._boxed))
        unsure = [note for made in self._boxed for note in made.notes]
        if unsure and after is None:
            warnings.warn(
                f"look at {output.given_picture} before you wait: {'; '.join(unsure)}",
                PropagoWarning,
                stacklevel=2,
            )


def masks_of_boxes(source: Source, boxes: Sequence[Box]) -> list[Boxed]:
    """One result per frame with boxes, in order of time; larger boxes lie behind smaller ones.

    Raises:
        UsageError: a box is not legal for its frame.
    """
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
        elif is_unsteady(rgb, box.xyxy, mask):
            notes.append(
                f"the outline found in the box {box} is unsteady: a box slightly larger or smaller "
                "gives another; draw it closer, or give a mask"
            )
        labels[mask] = box.id
    return Boxed(frame, labels, tuple(boxes), tuple(notes))


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


def picture_of(boxed: Sequence[Boxed]) -> np.ndarray:
    """(H, W, 3) uint8: frames with their masks and boxes, one below the other."""
    return np.concatenate([_shown(made) for made in boxed])


def _shown(made: Boxed) -> np.ndarray:
    """(H, W, 3) uint8 picture of the frame with masks and boxes."""
    drawn = draw_overlay(image_to_rgb(made.frame.image), made.labels)
    for box in made.boxes:
        x0, y0, x1, y1 = (round(v) for v in box.xyxy)
        colour = VIVID[(box.id - 1) % 255 + 1].tolist()
        cv2.rectangle(drawn, (x0, y0), (x1 - 1, y1 - 1), colour, 1)
    return drawn
