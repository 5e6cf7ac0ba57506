"""How much a refiner sharpens coarse masks of real objects while its network trains."""

from pathlib import Path

import numpy as np
import torch

from propago.data.crops import Crop, ObjectCrops
from propago.data.stills import stills_of_davis
from propago.io.davis import open_davis
from propago.metrics.davis import boundary_accuracy, region_similarity
from propago.report.overlay import draw_overlay
from propago.training.validation import ValidationResult
from propago.types import VOID, Frame, Refiner, SoftMasks

TOLERANCES_PX = (8, 2)
"""Of F: the official one at 854x480, and a strict one."""

_NAMES = ("j", "f", "f_2px")

_SHOWN = 6

CROP_PX = 256
"""Side of a crop."""


@torch.no_grad()
def validate_refiner(refiner: Refiner, root: Path, set_name: str, frames: int) -> ValidationResult:
    """Sharpen the same `frames` crops for each sequence of a DAVIS set as at every other time.

    The picture has coarse masks above, results below.
    """
    crops = frames * len(open_davis(root, Path(set_name)))
    stills = stills_of_davis(root, set_name)
    sampler = ObjectCrops([(1.0, stills)], size=CROP_PX, augmented=False)
    scores, shown = [], []
    for number in range(crops):
        crop = sampler.sample(np.random.default_rng((0, number)))
        after = _sharpened(refiner, crop)
        scores.append((_scores(crop, crop.coarse > 0.5), _scores(crop, after)))
        if len(shown) < _SHOWN:
            masks = (crop.coarse > 0.5, after)
            shown.append(np.vstack([draw_overlay(crop.image, m.astype(np.uint8)) for m in masks]))
    before, after = np.mean(scores, axis=0).tolist()
    numbers = {f"val_{name}_before": value for name, value in zip(_NAMES, before, strict=True)}
    numbers |= {f"val_{name}_after": value for name, value in zip(_NAMES, after, strict=True)}
    changes = zip(("J", "F", "F at 2 px"), before, after, strict=True)
    words = ", ".join(f"{name} {old:.3f} -> {new:.3f}" for name, old, new in changes)
    line = f"{crops} crops of the `{set_name}` sequences: {words}"
    return ValidationResult(numbers, line, np.hstack(shown))


def _sharpened(refiner: Refiner, crop: Crop) -> np.ndarray:
    image = torch.from_numpy(crop.image).permute(2, 0, 1).float() / 255
    coarse = SoftMasks((1,), torch.from_numpy(crop.coarse)[None])
    return refiner(Frame(image, 0, ""), coarse).probabilities[0].numpy(force=True) > 0.5


def _scores(crop: Crop, mask: np.ndarray) -> tuple[float, ...]:
    """J, and F at each tolerance; where nobody knows, the mask is taken for right."""
    truth = (crop.truth == 1).astype(np.uint8)
    mask = np.where(crop.truth == VOID, truth, mask).astype(np.uint8)
    f = (boundary_accuracy(truth, mask, [1], px)[0] for px in TOLERANCES_PX)
    return float(region_similarity(truth, mask, [1])[0]), *map(float, f)
