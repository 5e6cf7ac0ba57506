"""Objects that have met and part again: each keeps its identity as a whole."""

import numpy as np
import torch
from torch import Tensor

from propago.ops.wholes import Courses, reassigned, seen

COARSE = 2
"""Of so many pixels along each side one is looked at; working sizes are multiples of it."""


def followed_courses(known: Courses, masks: Tensor, ids: tuple[int, ...]) -> Courses:
    """`known` with one frame more, whose masks (K, h, w) are probabilities of `ids`."""
    if len(ids) < 2:
        return Courses()
    masks = masks[:, ::COARSE, ::COARSE]
    background = 1 - masks.sum(0, keepdim=True)
    return seen(known, _labels(torch.cat([background, masks]), ids), ids)


def as_wholes(logits: Tensor, ids: tuple[int, ...], known: Courses) -> Tensor:
    """Logits (K, h, w) of `ids` with regions that one object has taken from another given back.

    There the greater of the logits of the two becomes the one's, the lesser the other's.
    """
    if not known.met:
        return logits
    coarse = logits[:, ::COARSE, ::COARSE]
    labels = _labels(torch.cat([torch.zeros_like(coarse[:1]), coarse]), ids)
    logits = logits.clone()
    for region, to, other in reassigned(known, labels):
        fine = region.repeat(COARSE, 0).repeat(COARSE, 1)
        where = torch.from_numpy(fine).to(logits.device)
        rows = [ids.index(to), ids.index(other)]
        both = logits[rows]
        logits[rows] = torch.where(where, both.sort(0, descending=True).values, both)
    return logits


def _labels(competing: Tensor, ids: tuple[int, ...]) -> np.ndarray:
    """(h, w) the id whose map of (1 + K, h, w) is greatest, 0 for the first."""
    winner = competing.max(0).indices.numpy(force=True)
    return np.array((0, *ids), np.int32)[winner]
