"""What a validation says of a network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from torch import nn

from propago.report.overlay import draw_overlay

SHOWN_PX = 240
"""The height of a picture that stands beside others."""


@dataclass(frozen=True)
class ValidationResult:
    """Results on a set.

    Attributes:
        numbers: for the log, by name.
        line: the same in words, for the card of the weights.
        picture: (H, W, 3) uint8, what the network makes of some frames.
    """

    numbers: dict[str, float]
    line: str
    picture: np.ndarray


@dataclass(frozen=True)
class Validator:
    """How and when a network is watched.

    Attributes:
        validate: called with a copy of the averaged network, in evaluation mode.
        every_minutes: of training; and once more at the end.
    """

    validate: Callable[[nn.Module], ValidationResult]
    every_minutes: float


def by_sequence(
    what: str, j_mean: float, j: dict[str, float], pictures: Sequence[np.ndarray]
) -> ValidationResult:
    """A mean J, in [0, 1], and that of each sequence; last frames (H, W, 3) side by side."""
    scores = ", ".join(f"{name} {value:.3f}" for name, value in j.items())
    height = min(len(picture) for picture in pictures)
    return ValidationResult(
        {"val_j_mean": j_mean} | {f"val_j_{name}": value for name, value in j.items()},
        f"{what}: {j_mean:.3f} ({scores})",
        np.hstack([picture[:height] for picture in pictures]),
    )


def shown(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(240, W, 3) uint8: `image` (H, W, 3) with `labels` (H, W) drawn in."""
    picture = draw_overlay(image, labels.astype(np.uint8))
    width = round(picture.shape[1] * SHOWN_PX / len(picture))
    return cv2.resize(picture, (width, SHOWN_PX), interpolation=cv2.INTER_AREA)
