"""What RGSN learns from: crops of clips around one object, each a little beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from propago.data.clips import Clip
from propago.data.task import Dataset
from propago.methods.rgsn.crops import Rect, crop_around, cropped, heat_map, mask_box
from propago.methods.rgsn.net import REFERENCES
from propago.methods.rgsn.objective import CropBatch
from propago.ops.boxes import clipped
from propago.types import VOID

FRAMES = REFERENCES + 2
"""Of a clip: three references, the frame before, the present one."""

AROUND = (1.7, 3.0)
"""Sides of a crop over those of its box, by chance: about the 2.5 it is run with."""

MOST_SHIFT = 0.15
"""How far the middle of a crop lies beside the object's, in sides of its box."""

MOST_MAP_SHIFT, MOST_MAP_STRETCH = 0.2, 1.4
"""How far a Gaussian is moved, in its deviations, and how much they are stretched or shrunk."""


@dataclass(frozen=True)
class CropExample:
    """One object in four crops, the last of the present frame.

    Attributes:
        images: (4, 3, S, S) float32 RGB in [0, 1].
        masks: (4, S, S) uint8; 0 other, 1 the object, 255 void.
        heat: (S, S) float32 in [0, 1], where the object was in the frame before.
    """

    images: Tensor
    masks: Tensor
    heat: Tensor


class CropExamples:
    """Draws crops out of the clips of a dataset, which have `FRAMES` frames."""

    def __init__(self, clips: Dataset, side: int):
        """Crops of `side` pixels."""
        self._clips, self._side = clips, side

    def sample(self, rng: np.random.Generator) -> CropExample:
        """The first object of a clip, which is a random one."""
        clip: Clip = self._clips.sample(rng)
        images = torch.from_numpy(clip.images).permute(0, 3, 1, 2).float() / 255
        masks = torch.from_numpy(np.where(clip.labels == VOID, VOID, clip.labels == 1))
        rects, box = [], None
        for mask in masks:
            there = mask_box((mask == 1).float())
            box = box if there is None else there
            rects.append(beside(rng, box, (mask.shape[-2], mask.shape[-1])))
        shown = [*range(REFERENCES), FRAMES - 1]
        before = cropped((masks[-2] == 1).float()[None], rects[-1], self._side)[0]
        shift = rng.uniform(-MOST_MAP_SHIFT, MOST_MAP_SHIFT, 2)
        stretch = MOST_MAP_STRETCH ** rng.uniform(-1, 1)
        return CropExample(
            torch.stack([cropped(images[t], rects[t], self._side) for t in shown]),
            torch.stack([self._mask(masks[t], rects[t]) for t in shown]),
            heat_map(before, (float(shift[0]), float(shift[1])), float(stretch)),
        )

    def _mask(self, mask: Tensor, rect: Rect) -> Tensor:
        """(side, side) uint8, void where any of it is."""
        planes = torch.stack([(mask == 1).float(), (mask == VOID).float()])
        one, unknown = cropped(planes, rect, self._side)
        return torch.where(unknown > 0, VOID, one > 0.5).to(torch.uint8)


def collate(examples: Sequence[CropExample]) -> CropBatch:
    """Examples of equal size."""
    return CropBatch(
        torch.stack([example.images for example in examples]),
        torch.stack([example.masks for example in examples]),
        torch.stack([example.heat for example in examples]),
    )


def beside(rng: np.random.Generator, box: Tensor | None, size: tuple[int, int]) -> Rect:
    """A crop of a picture (H, W) around a box (4,), by chance; all of it where there is none."""
    if box is None:
        return 0, 0, size[1], size[0]
    shift = torch.from_numpy(rng.uniform(-MOST_SHIFT, MOST_SHIFT, 2)).to(box)
    move = (shift * (box[2:] - box[:2])).repeat(2)
    return crop_around(clipped(box + move, size), size, float(rng.uniform(*AROUND)))
