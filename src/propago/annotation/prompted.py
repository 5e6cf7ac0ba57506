"""Boxes and clicks become masks: the first ones where nobody has drawn any."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from propago.annotation.prompts import Box, Clicks, ObjectPrompt, by_object
from propago.components import PROMPTER, PROMPTERS, load_component
from propago.errors import PropagoWarning, UsageError
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.io.source import Source
from propago.methods.grabcut.run import GrabCut
from propago.ops.box_mask import ellipse_in_box, is_unsteady
from propago.ops.image import image_to_rgb
from propago.prompts import Prompter
from propago.report.overlay import VIVID, draw_overlay
from propago.runs.output_folder import OutputFolder
from propago.runs.record import described
from propago.runs.writers import Writer
from propago.types import VOID, Frame

_CLICK_PX = 4


@dataclass(frozen=True)
class Prompted:
    """A frame with boxes and clicks on it, the label map made of them, and by what."""

    frame: Frame
    labels: np.ndarray
    prompts: tuple[ObjectPrompt, ...]
    prompter: dict[str, Any]
    notes: tuple[str, ...] = ()


class PromptedWriter(Writer[Any]):
    """given/FRAME.png and given.png: the masks made of boxes and clicks, and how they look."""

    def __init__(self, prompted: Sequence[Prompted]) -> None:
        """`prompted` are written before the first result."""
        self._prompted = prompted

    def open(self, output: OutputFolder, after: int | None) -> None:
        """Write them; masks that may be wrong are said at once, not when all is done.

        Raises:
            OutputError: they cannot be written.
        """
        output.make(output.given)
        for made in self._prompted:
            write_mask(output.given / f"{made.frame.name}.png", made.labels)
        write_picture(output.given_picture, picture_of(self._prompted))
        unsure = [note for made in self._prompted for note in made.notes]
        if unsure and after is None:
            warnings.warn(
                f"look at {output.given_picture} before you wait: {'; '.join(unsure)}",
                PropagoWarning,
                stacklevel=2,
            )


def load_prompter(
    prompter: str | Prompter | None, device: str = "auto", **settings: Any
) -> Prompter:
    """What makes masks of boxes and clicks: a name in `PROMPTERS`, the default if None; or itself.

    Args:
        prompter: the name, or an object.
        device: auto, cpu, cuda or mps, for one with a network.
        settings: as its `load` takes them.

    Raises:
        UsageError: no such name.
        WeightsError: no such weights, or damaged ones.
    """
    row = PROMPTERS.get(prompter or PROMPTER) if isinstance(prompter, str | None) else None
    if row and "device" in row.setting_names():
        settings["device"] = device
    return load_component(PROMPTERS, prompter or PROMPTER, "prompter", **settings)


def masks_of_prompts(
    source: Source, written: Sequence[Box | Clicks], prompter: str | Prompter | None = None
) -> list[Prompted]:
    """One result per frame with boxes or clicks, in order of time.

    Smaller objects lie in front of larger ones.

    Raises:
        UsageError: a box or click is not legal on its frame, or nothing is found at clicks.
        WeightsError: as `load_prompter`.
    """
    by_frame: dict[int, list[ObjectPrompt]] = {}
    for one in by_object(written, source.size, source.selected.start):
        by_frame.setdefault(one.frame, []).append(one)
    asked = load_prompter(prompter) if by_frame else GrabCut()
    return [_cut_out(source.frame_at(n), by_frame[n], asked) for n in sorted(by_frame)]


def _cut_out(frame: Frame, prompts: list[ObjectPrompt], prompter: Prompter) -> Prompted:
    rgb = image_to_rgb(frame.image)
    highest = max(one.id for one in prompts)
    labels = np.zeros(frame.size, np.uint8 if highest < VOID else np.uint16)
    answers = [(one, *_answer(rgb, one, prompter)) for one in prompts]
    for one, mask, _ in sorted(answers, key=lambda answer: _room_px(answer[0], answer[1]))[::-1]:
        labels[mask] = one.id
    notes = tuple(note for _, _, note in answers if note)
    return Prompted(frame, labels, tuple(prompts), described(prompter), notes)


def _answer(rgb: np.ndarray, one: ObjectPrompt, prompter: Prompter) -> tuple[np.ndarray, str]:
    """The mask of an object, and what is doubtful about it."""
    mask, box = prompter(rgb, one.prompt), one.prompt.box_xyxy
    written = " ".join(map(str, one.written))
    if box is None:
        if mask is None:
            raise UsageError(
                f"`clicks` {written}: nothing is found there; give more of them, or a box around "
                "the object"
            )
        return mask, ""
    ellipse = ellipse_in_box(rgb.shape[:2], box)
    if mask is None or (not one.prompt.positive and np.array_equal(mask, ellipse)):
        return ellipse, (
            f"no outline was found in the box {written}: the ellipse in it is object {one.id}; "
            "draw the box closer, or give a mask"
        )
    if isinstance(prompter, GrabCut) and not one.prompt.positive and is_unsteady(rgb, box, mask):
        return mask, (
            f"the outline found in the box {written} is unsteady: a box slightly larger or smaller "
            "gives another; draw it closer, or give a mask"
        )
    return mask, ""


def _room_px(one: ObjectPrompt, mask: np.ndarray) -> float:
    """The area of an object's box, of its mask where it has none."""
    if one.prompt.box_xyxy is None:
        return float(mask.sum())
    x0, y0, x1, y1 = one.prompt.box_xyxy
    return (x1 - x0) * (y1 - y0)


def picture_of(prompted: Sequence[Prompted]) -> np.ndarray:
    """(H, W, 3) uint8: frames with their masks, boxes and clicks, one below the other."""
    return np.concatenate([_shown(made) for made in prompted])


def _shown(made: Prompted) -> np.ndarray:
    """(H, W, 3) uint8 picture of the frame; clicks beside an object are black in the middle."""
    drawn = draw_overlay(image_to_rgb(made.frame.image), made.labels)
    for one in made.prompts:
        colour = VIVID[(one.id - 1) % 255 + 1].tolist()
        if one.prompt.box_xyxy:
            x0, y0, x1, y1 = (round(v) for v in one.prompt.box_xyxy)
            cv2.rectangle(drawn, (x0, y0), (x1 - 1, y1 - 1), colour, 1)
        for clicks, middle in ((one.prompt.positive, (255, 255, 255)), (one.prompt.negative, 0)):
            for x, y in clicks:
                cv2.circle(drawn, (int(x), int(y)), _CLICK_PX, colour, -1)
                cv2.circle(drawn, (int(x), int(y)), _CLICK_PX // 2, middle, -1)
    return drawn
