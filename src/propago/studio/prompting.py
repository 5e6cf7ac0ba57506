"""Masks of boxes and clicks, as a page sends them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from propago.errors import UsageError
from propago.prompts import Prompt, Prompter
from propago.studio.fields import PromptFields

IN_FRONT = 0.9
"""The share of a drawn object inside the mask of another that makes it a part in front of it."""

_SMALLER = 0.75


@dataclass(frozen=True)
class Answer:
    """What was drawn of a frame with the mask of an object, and before its first click.

    Attributes:
        index: of the frame.
        present: (H, W) bool, what a further click corrects: the mask, or nothing where there was
            none before the first click: then the object is found anew by all of them.
        before: (H, W) what was drawn before.
        after: (H, W) what was drawn with the mask.
    """

    index: int
    present: np.ndarray
    before: np.ndarray
    after: np.ndarray


class Prompting:
    """Answers prompts; it remembers what further clicks correct."""

    def __init__(self, prompter: Prompter) -> None:
        """`prompter` makes the masks."""
        self._prompter = prompter
        self._answered: dict[int, Answer] = {}

    def drawn(
        self,
        index: int,
        rgb: np.ndarray,
        shown: np.ndarray,
        drawn: Callable[[], np.ndarray],
        fields: PromptFields,
        longer_side_px: float | None = None,
    ) -> np.ndarray:
        """(H, W) what is drawn on a frame with the new mask of an object.

        What the first clicks took from other objects is theirs again where a further one leaves it
        out. A smaller drawn object that the mask covers lies in front of it.

        Args:
            index: of the frame.
            rgb: (H, W, 3) uint8, the frame.
            shown: (H, W) the label map before.
            drawn: gives (H, W) what a person drew of it so far; more may be while a mask is found.
            fields: the object, its box and clicks.
            longer_side_px: of its box in another frame.

        Raises:
            UsageError: the prompt is none, or nothing is found there.
        """
        begun = drawn()
        present, before = shown == fields.object, begun
        last = self._answered.get(fields.object)
        further = len(fields.clicks) > 1
        if further and last and last.index == index and np.array_equal(last.after, begun):
            present, before = last.present, last.before
        prompt = replace(_read_prompt(fields, present), longer_side_px=longer_side_px)
        mask = self._prompter(rgb, prompt)
        if mask is None:
            raise UsageError("nothing is found there: draw a box around it, or use the brush")
        now = drawn()
        before = before if np.array_equal(now, begun) else now
        after = before.copy()
        after[after == fields.object] = 0
        after[mask & ~_in_front(after, mask)] = fields.object
        corrects = mask if present.any() else present
        self._answered[fields.object] = Answer(index, corrects, before, after)
        return after


def _in_front(drawn: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(H, W) bool: the objects drawn inside a mask, where they are smaller."""
    areas, covered = np.bincount(drawn.ravel()), np.bincount(drawn[mask], minlength=drawn.max() + 1)
    parts = (covered > IN_FRONT * areas) & (areas < _SMALLER * mask.sum())
    parts[0] = False
    return parts[drawn]


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
