"""How well boxes and clicks on pictures that were not trained on become masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from propago.data.cutouts import instances
from propago.data.stills import Still, read_still
from propago.ops.clicks import next_click
from propago.prompts import Prompt, Prompter
from propago.training.validation import ValidationResult, shown
from propago.types import VOID

CLICKS = 3
"""A click on the object, then in the middle of the largest error of each answer."""


@dataclass
class Overlaps:
    """IoU of answers to prompts, one of each object.

    Attributes:
        box: of its exact box.
        clicks: after each click, `CLICKS` of an object.
    """

    box: list[float] = field(default_factory=list)
    clicks: list[list[float]] = field(default_factory=list)

    def means(self) -> dict[str, float]:
        """Of the box, of the first click, of the last one."""
        after = np.mean(self.clicks, axis=0)
        return {
            "box": float(np.mean(self.box)),
            "click": float(after[0]),
            f"{CLICKS}_clicks": float(after[-1]),
        }


def validate_prompter(
    prompter: Prompter, sets: Mapping[str, Sequence[Still]], most: int
) -> ValidationResult:
    """IoU of an exact box, one click and three, on at most `most` pictures of each set.

    They are spread over the set, one object of each is taken.

    Args:
        prompter: what is asked.
        sets: pictures by name.
        most: of each set.
    """
    numbers, words, pictures = {}, [], []
    for name, stills in sets.items():
        overlaps = Overlaps()
        for n in np.linspace(0, len(stills) - 1, min(most, len(stills))).round().astype(int):
            rng = np.random.default_rng(int(n))
            image, ids = read_still(replace(stills[n], stretch=0), rng)
            seen = instances(ids)
            if not seen:
                continue
            chosen = seen[rng.integers(len(seen))]
            truth = np.where(ids == VOID, VOID, ids == chosen).astype(np.uint8)
            overlaps.box.append(overlap(prompter(image, Prompt(box_of(truth))), truth))
            masks = list(clicked(prompter, image, truth, CLICKS))
            overlaps.clicks.append([overlap(mask, truth) for mask in masks])
        pictures.append(shown(image, masks[-1]))
        means = overlaps.means()
        numbers |= {f"val_iou_{name}_{what}": value for what, value in means.items()}
        words.append(f"{name} " + "/".join(f"{value:.3f}" for value in means.values()))
    line = (
        f"IoU after an exact box / one click / {CLICKS} clicks, at most {most} held-out pictures "
        f"of a set: {', '.join(words)}"
    )
    return ValidationResult(numbers, line, np.hstack(pictures))


def clicked(
    prompter: Prompter, image: np.ndarray, truth: np.ndarray, clicks: int
) -> list[np.ndarray]:
    """(H, W) bool masks after each of `clicks`, every one in the largest error of the one before.

    The prompter is asked with all clicks so far, and no mask.

    Args:
        prompter: what is asked.
        image: (H, W, 3) uint8.
        truth: (H, W) uint8; 1 the object, 255 where nobody knows.
        clicks: at least 1.
    """
    mask, prompt, masks = np.zeros(truth.shape, bool), Prompt(), []
    for _ in range(clicks):
        click = next_click(mask, truth)
        if click is not None:
            name = "positive" if click.positive else "negative"
            more = (*getattr(prompt, name), (click.x, click.y))
            prompt = replace(prompt, **{name: more})
            found = prompter(image, prompt)
            mask = np.zeros(truth.shape, bool) if found is None else found
        masks.append(mask)
    return masks


def box_of(truth: np.ndarray) -> tuple[float, float, float, float]:
    """The exact box of the object."""
    x, y, width, height = cv2.boundingRect((truth == 1).astype(np.uint8))
    return x, y, x + width, y + height


def overlap(mask: np.ndarray | None, truth: np.ndarray) -> float:
    """Intersection over union where the truth is known; 0 of no mask."""
    if mask is None:
        return 0.0
    known, true = truth != VOID, truth == 1
    return float((mask & true).sum() / max(((mask | true) & known).sum(), 1))
