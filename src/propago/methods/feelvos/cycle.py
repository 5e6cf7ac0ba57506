"""Whether fine-tuning helped: objects are carried some frames on, and back to the annotated one.

What a network loses on the way it cannot bring back. Source: forward-backward consistency of a
tracker (Kalal, Mikolajczyk, Matas, "Forward-Backward Error: Automatic Detection of Tracking
Failures", ICPR 2010); that it decides on fine-tuned weights is ours.
"""

from collections.abc import Callable, Sequence

import numpy as np

from propago.types import Annotation, Frame

CYCLE_FRAMES = 16
"""So many behind the annotated one. Chosen on `val` and its pairs, see docs/finetuning.md."""

Carry = Callable[[Sequence[Frame], Annotation], np.ndarray]
"""The label map of the last of some frames, from an annotation of the first."""


def cycle_consistency(carry: Carry, frames: Sequence[Frame], annotation: Annotation) -> float:
    """Mean Jaccard index of the annotated objects with themselves, carried on and back.

    Args:
        carry: follows objects.
        frames: the annotated one and some behind it.
        annotation: of the first of `frames`, with at least one object.

    Returns:
        0 (all are lost) to 1.
    """
    there = Annotation(carry(frames, annotation))
    if not there.ids:
        return 0.0
    back, known = carry(frames[::-1], there), ~annotation.void
    return float(np.mean([_jaccard(annotation.labels, back, i, known) for i in annotation.ids]))


def _jaccard(truth: np.ndarray, found: np.ndarray, object_id: int, known: np.ndarray) -> float:
    a, b = (truth == object_id) & known, (found == object_id) & known
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)
