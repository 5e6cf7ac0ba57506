"""What a validation says of a network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Validated:
    """Results on a set.

    Attributes:
        numbers: for the log, by name.
        line: the same in words, for the card of the weights.
        picture: (H, W, 3) uint8, what the network makes of some frames.
    """

    numbers: dict[str, float]
    line: str
    picture: np.ndarray


def by_sequence(
    what: str, j_mean: float, j: dict[str, float], pictures: Sequence[np.ndarray]
) -> Validated:
    """A mean J, in [0, 1], and that of each sequence; last frames (H, W, 3) side by side."""
    scores = ", ".join(f"{name} {value:.3f}" for name, value in j.items())
    height = min(len(picture) for picture in pictures)
    return Validated(
        {"val_j_mean": j_mean} | {f"val_j_{name}": value for name, value in j.items()},
        f"{what}: {j_mean:.3f} ({scores})",
        np.hstack([picture[:height] for picture in pictures]),
    )
