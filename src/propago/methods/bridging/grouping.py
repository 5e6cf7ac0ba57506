"""From a category and a box for every position to instances, by voting.

Source: Wu et al. 2016, inference: every position of a category votes for the centre of its box;
where votes gather is an instance, and the positions whose boxes overlap its box are its mask. The
thresholds are not published; ours were chosen on held-out pictures.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from propago.ops.overlap import box_ious


@dataclass(frozen=True)
class GroupingSettings:
    """What counts as an instance.

    Attributes:
        top: a position is of the categories that are among its so many most probable ones.
        min_probability: a position is of no category that is less probable.
        max_box_iou: a position whose box overlaps that of an instance by more is part of it.
        max_mask_iou: of two instances that overlap by more, the less certain is dropped.
        min_positions: an instance has at least so many.
    """

    top: int = 2
    min_probability: float = 0.35
    max_box_iou: float = 0.25
    max_mask_iou: float = 0.5
    min_positions: int = 2


class Group(NamedTuple):
    """One instance.

    Attributes:
        mask: (h, w) bool positions.
        category: above 0.
        confidence: mean probability of the category in the mask.
    """

    mask: np.ndarray
    category: int
    confidence: float


def grouped(
    probabilities: np.ndarray,
    boxes: np.ndarray,
    stride: int,
    settings: GroupingSettings | None = None,
) -> list[Group]:
    """The instances of a picture, the most certain first.

    Args:
        probabilities: (outputs, h, w), the background first.
        boxes: (4, h, w) x0, y0, x1, y1 in pixels of the picture.
        stride: pixels from position to position.
        settings: what counts.
    """
    settings = settings or GroupingSettings()
    among = np.argsort(-probabilities, 0, kind="stable")[: settings.top]
    groups = []
    for category in np.unique(among[among > 0]):
        own = probabilities[category]
        inside = (among == category).any(0) & (own >= settings.min_probability)
        groups += _of_category(inside, own, boxes, int(category), stride, settings)
    groups.sort(key=lambda group: -group.confidence)
    return _without_doubles(groups, settings.max_mask_iou)


def _of_category(
    inside: np.ndarray,
    own: np.ndarray,
    boxes: np.ndarray,
    category: int,
    stride: int,
    settings: GroupingSettings,
) -> list[Group]:
    """Instances of one category: the position with most votes for its centre first, and so on."""
    rows, columns = np.nonzero(inside)
    there = boxes[:, rows, columns].T
    support = _votes(there, own[rows, columns], inside.shape, stride)
    left = np.argsort(-support, kind="stable")
    groups = []
    while len(left):
        near = box_ious(there[left[:1]], there[left])[0] > settings.max_box_iou
        near[0] = True
        part = left[near]
        if len(part) >= settings.min_positions:
            mask = np.zeros(inside.shape, bool)
            mask[rows[part], columns[part]] = True
            groups.append(Group(mask, category, float(own[mask].mean())))
        left = left[~near]
    return groups


def _votes(boxes: np.ndarray, scores: np.ndarray, size: tuple[int, ...], stride: int) -> np.ndarray:
    """(N,) the votes, weighted by `scores`, where each of the boxes (N, 4) has its centre."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 / stride
    column, row = np.floor(centres).astype(int).T
    row, column = row.clip(0, size[0] - 1), column.clip(0, size[1] - 1)
    votes = np.zeros(size)
    np.add.at(votes, (row, column), scores)
    return votes[row, column]


def _without_doubles(groups: list[Group], max_iou: float) -> list[Group]:
    kept: list[Group] = []
    for group in groups:
        overlaps = (
            np.count_nonzero(group.mask & other.mask) / np.count_nonzero(group.mask | other.mask)
            for other in kept
        )
        if all(overlap <= max_iou for overlap in overlaps):
            kept.append(group)
    return kept
