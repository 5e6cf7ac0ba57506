"""How well a network finds the foreground of real frames while it trains."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch import Tensor

from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.metrics.davis import region_similarity
from propago.ops.image import image_to_rgb
from propago.report.overlay import draw_overlay
from propago.training.validation import ValidationResult, by_sequence
from propago.types import VOID

EVERY_FRAMES = 8


def validate_foreground(
    foreground: Callable[[Tensor], Tensor], root: Path, set_name: str, frames: int
) -> ValidationResult:
    """Every eighth of the first `frames` frames of each sequence of a DAVIS set, nothing given.

    Args:
        foreground: (H, W) in [0, 1] of a picture (3, H, W) in [0, 1].
        root: a DAVIS root.
        set_name: a set of it.
        frames: of each sequence.
    """
    means, pictures, count = {}, [], 0
    for source in open_davis(root, Path(set_name), end=frames, every=EVERY_FRAMES):
        overlaps, picture = [], np.zeros(0)
        for frame in source:
            path = davis_annotations(root, source.name) / f"{frame.name}.png"
            truth = read_mask(path, may_be_empty=True).labels
            seen = foreground(frame.image)
            mask = (seen > 0.5).numpy(force=True).astype(np.uint8)
            overlaps.append(_overlap(truth, mask))
            picture = draw_overlay(image_to_rgb(frame.image), mask)[::2, ::2]
        means[source.name] = float(np.mean(overlaps))
        pictures.append(picture)
        count += len(overlaps)
    what = f"J of the foreground in {count} frames of the `{set_name}` sequences, nothing given"
    return by_sequence(what, float(np.mean([*means.values()])), means, pictures)


def _overlap(truth: np.ndarray, mask: np.ndarray) -> float:
    """J; where nobody knows, the mask is taken for right."""
    true = np.where(truth == VOID, mask, truth > 0).astype(np.uint8)
    return float(region_similarity(true, mask, [1])[0])
