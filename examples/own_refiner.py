"""A refiner of one's own behind any method: holes and specks smaller than a window disappear.

python examples/own_refiner.py VIDEO first_mask.png OUT
"""

import sys

import cv2
import numpy as np
import torch

import propago


class Median:
    """The median of each mask over a window."""

    def __init__(self, window_px: int = 5) -> None:
        self.window_px = window_px
        self.description = {"refiner": "median", "window_px": window_px}

    def __call__(self, frame: propago.Frame, masks: propago.SoftMasks) -> propago.SoftMasks:
        if not masks.ids:
            return masks
        rows = masks.probabilities.numpy(force=True)
        smooth = np.stack([cv2.medianBlur(row, self.window_px) for row in rows])
        return masks.replaced(torch.from_numpy(smooth).to(masks.probabilities))


print(propago.segment(sys.argv[1], sys.argv[2], refine=Median(), out=sys.argv[3]).masks)
