"""Mean, recall and decay of a score over the frames of a video (Perazzi et al., CVPR 2016)."""

import math

import numpy as np

RECALL_THRESHOLD = 0.5
QUARTERS = 4


def mean(scores: np.ndarray) -> float:
    """Mean over the frames that have a score; NaN where none has.

    Args:
        scores: (T,) float64, NaN where a frame has none.
    """
    known = ~np.isnan(scores)
    if not known.any():
        return math.nan
    return float(np.where(known, scores, 0.0).sum() / known.sum())


def recall(scores: np.ndarray) -> float:
    """Share of frames whose score is above 0.5; a frame without a score is a miss."""
    return float(np.mean(scores > RECALL_THRESHOLD)) if len(scores) else math.nan


def decay(scores: np.ndarray) -> float:
    """Mean of the first quarter of the frames minus mean of the last: what is lost over time.

    The quarters are cut at frames round(linspace(1, T, 5)) and share the frame at each cut. The
    official tool keeps the cuts in 8 bits and returns NaN or a wrong number from T = 256 on; here
    they are whole numbers of any size.
    """
    if not len(scores):
        return math.nan
    cuts = np.round(np.linspace(1, len(scores), QUARTERS + 1) + 1e-10).astype(int) - 1
    first, last = scores[: cuts[1] + 1], scores[cuts[3] : cuts[4] + 1]
    return mean(first) - mean(last)
