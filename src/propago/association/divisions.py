"""Instances that divide, as cells do: one ends, and its parts are new instances."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from propago.association.known import Known, Sighting
from propago.ops.overlap import box_ious
from propago.ops.regions import Region, overlap

INSIDE = 0.2
"""Of a part at least this share lies where the whole was; daughters of a cell move apart."""

LARGEST_PART = 0.8
"""Of the usual area of the whole; what is larger is the whole itself, beside something new."""

LEAST_SUM = 0.5
"""The parts have at least this share of the usual area of the whole together."""


def divided(known: Sequence[Known], found: Sequence[Sighting]) -> frozenset[int]:
    """The ids of the instances that have become two or more of the detections.

    Each detection is a part of the instance in which most of it lies, where that was in the frame
    before. Only what has masks divides.
    """
    whole = [(k, k.seen.region) for k in known if k.seen.region and not k.absent]
    regions = [one.region for one in found if one.region]
    near = box_ious(_boxes([region for _, region in whole]), _boxes(regions)) > 0
    parts: dict[int, list[int]] = defaultdict(list)
    for n, region in enumerate(regions):
        shared = {
            row: overlap(region, whole[row][1]) for row in np.flatnonzero(near[:, n]).tolist()
        }
        most = max(shared, key=lambda row: shared[row], default=None)
        if most is not None and shared[most] >= INSIDE * region.area:
            parts[most].append(region.area)
    return frozenset(
        whole[n][0].id for n, areas in parts.items() if _are_parts(areas, whole[n][0].usual_px)
    )


def _boxes(regions: Sequence[Region]) -> np.ndarray:
    return np.array([region.xyxy for region in regions], float).reshape(-1, 4)


def _are_parts(areas: Sequence[int], whole: float) -> bool:
    return len(areas) > 1 and max(areas) <= LARGEST_PART * whole and sum(areas) >= LEAST_SUM * whole
