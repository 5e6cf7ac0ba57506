"""Refiners take soft masks; what they make of a label map."""

import numpy as np
import torch

from propago.types import VOID, Annotation, Frame, Refiner, SoftMasks


def refined_labels(refiner: Refiner, frame: Frame, labels: np.ndarray) -> np.ndarray:
    """A label map whose objects are refined one at a time; the most probable one above 0.5 wins.

    Void stays void.

    Args:
        refiner: sharpens soft masks.
        frame: of the map's size.
        labels: (H, W) uint8 or uint16; 0 background, 255 void where uint8.

    Returns:
        (H, W) of the type of `labels`.

    Raises:
        MaskError: `labels` are no label map.
        ShapeError: the frame is of another size.
    """
    best = torch.full(labels.shape, 0.5)
    given, refined = Annotation(labels), np.zeros_like(labels)
    for object_id in given.ids:
        coarse = torch.from_numpy((labels == object_id).astype(np.float32))[None]
        sharper = refiner(frame, SoftMasks((object_id,), coarse)).probabilities[0].cpu()
        wins = sharper > best
        best = torch.where(wins, sharper, best)
        refined[wins.numpy()] = object_id
    refined[given.void] = VOID
    return refined
