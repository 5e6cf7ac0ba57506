"""How much a network sharpens coarse masks of real objects while it trains."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from propago.data.crops import Crop, ObjectCrops, stills_of_davis
from propago.metrics.davis import boundary_accuracy, region_similarity
from propago.refinement.spn_net import SpnNet
from propago.refinement.spn_settings import SpnSettings
from propago.report.overlay import draw_overlay
from propago.types import VOID

TOLERANCES_PX = (8, 2)
"""Of F: the official one at 854x480, and a strict one."""

_SHOWN = 6


@dataclass(frozen=True)
class Sharpened:
    """Means over the crops of a set.

    Attributes:
        before: J, F and F at 2 px of the coarse masks, in [0, 1].
        after: the same of what the network makes of them.
        crops: how many.
        picture: (2 S, 6 S, 3) uint8: coarse masks above, results below.
    """

    before: tuple[float, ...]
    after: tuple[float, ...]
    crops: int
    picture: np.ndarray


@torch.no_grad()
def validate_crops(net: SpnNet, root: Path, set_name: str, *, size: int, crops: int) -> Sharpened:
    """Sharpen the same `crops` crops of side `size` of a DAVIS set as at every other time."""
    sampler = ObjectCrops(
        [(1.0, stills_of_davis(root, set_name))],
        size=size,
        cover_px=SpnSettings().cover_px,
        augmented=False,
    )
    scores, shown = [], []
    for number in range(crops):
        crop = sampler.sample(np.random.default_rng((0, number)))
        after = _sharpened(net, crop)
        scores.append((_scores(crop, crop.coarse > 0.5), _scores(crop, after)))
        if len(shown) < _SHOWN:
            masks = (crop.coarse > 0.5, after)
            shown.append(np.vstack([draw_overlay(crop.image, m.astype(np.uint8)) for m in masks]))
    before, after = np.mean(scores, axis=0).tolist()
    return Sharpened(tuple(before), tuple(after), crops, np.hstack(shown))


def _sharpened(net: SpnNet, crop: Crop) -> np.ndarray:
    image = torch.from_numpy(crop.image).permute(2, 0, 1)[None].float() / 255
    return net(image, torch.from_numpy(crop.coarse)[None, None])[0, 0].numpy() > 0.5


def _scores(crop: Crop, mask: np.ndarray) -> tuple[float, ...]:
    """J, and F at each tolerance; where nobody knows, the mask is taken for right."""
    truth = (crop.truth == 1).astype(np.uint8)
    mask = np.where(crop.truth == VOID, truth, mask).astype(np.uint8)
    f = (boundary_accuracy(truth, mask, [1], px)[0] for px in TOLERANCES_PX)
    return float(region_similarity(truth, mask, [1])[0]), *map(float, f)
