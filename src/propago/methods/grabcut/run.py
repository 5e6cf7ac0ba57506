"""GrabCut as a `Prompter`: by colours and edges alone, good on boxes, weak on a single click."""

import numpy as np

from propago.ops.box_mask import ellipse_in_box, mask_in_box
from propago.ops.click_mask import mask_from_clicks
from propago.prompts import Prompt


class GrabCut:
    """By colours and edges alone, without a network."""

    def __init__(self) -> None:
        """Ready to run."""
        self.description = {"prompter": "grabcut"}

    def __call__(self, rgb: np.ndarray, prompt: Prompt, /) -> np.ndarray | None:
        """As `Prompter`. Where GrabCut misses the object of a box, its ellipse is the mask."""
        mask = prompt.present
        if prompt.box_xyxy is not None:
            mask = mask_in_box(rgb, prompt.box_xyxy)
            if mask is None:
                mask = ellipse_in_box(rgb.shape[:2], prompt.box_xyxy)
        if prompt.positive or prompt.negative:
            return mask_from_clicks(rgb, prompt.positive, prompt.negative, mask)
        return mask
