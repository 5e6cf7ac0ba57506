"""Masks of boxes and clicks, as a page sends them."""

from dataclasses import dataclass

import numpy as np

from propago.errors import UsageError
from propago.prompts import Prompt, Prompter
from propago.studio.fields import PromptFields


@dataclass(frozen=True)
class Answer:
    """The mask that an object was given by clicks, and what it was before the first of them."""

    index: int
    before: np.ndarray
    mask: np.ndarray


class Prompting:
    """Answers prompts; it remembers what further clicks correct."""

    def __init__(self, prompter: Prompter) -> None:
        """`prompter` makes the masks."""
        self._prompter = prompter
        self._answered: dict[int, Answer] = {}

    def mask(
        self, index: int, rgb: np.ndarray, shown: np.ndarray, fields: PromptFields
    ) -> np.ndarray:
        """(H, W) bool mask of an object in a frame.

        Args:
            index: of the frame.
            rgb: (H, W, 3) uint8, the frame.
            shown: (H, W) the label map before.
            fields: the object, its box and clicks.

        Raises:
            UsageError: the prompt is none, or nothing is found there.
        """
        before = self._before_clicks(index, fields, shown == fields.object)
        mask = self._prompter(rgb, _read_prompt(fields, before))
        if mask is None:
            raise UsageError("nothing is found there: draw a box around it, or use the brush")
        self._answered[fields.object] = Answer(index, before, mask)
        return mask

    def _before_clicks(self, index: int, fields: PromptFields, now: np.ndarray) -> np.ndarray:
        """(H, W) bool: the mask that all these clicks correct, unless it was drawn on since."""
        last = self._answered.get(fields.object)
        if last is None or last.index != index or len(fields.clicks) < 2:
            return now
        return last.before if np.array_equal(last.mask, now) else now


def _read_prompt(fields: PromptFields, present: np.ndarray) -> Prompt:
    height, width = present.shape
    box = None
    if fields.box:
        x0, y0, x1, y1 = fields.box
        box = (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height)))
        if not (box[2] - box[0] >= 2 and box[3] - box[1] >= 2):
            raise UsageError(f"a box has at least 2x2 pixels of the frame; this is {box}")
    for x, y, _ in fields.clicks:
        if not (0 <= x < width and 0 <= y < height):
            raise UsageError(f"a click lies in the frame of {width}x{height}; this is {x}, {y}")
    if not fields.box and not fields.clicks:
        raise UsageError("a prompt is a box or clicks; neither came")
    positive = tuple((x, y) for x, y, on in fields.clicks if on)
    negative = tuple((x, y) for x, y, on in fields.clicks if not on)
    return Prompt(box, positive, negative, present if present.any() else None)
