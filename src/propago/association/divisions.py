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


def divided(known: Sequence[Known], found: Sequence[Sighting]) -> dict[int, int]:
    """By the places of detections that are parts of an instance which divides: its id.

    Each detection is a part of the instance in which most of it lies, where that was in the frame
    before. Only what has masks divides.
    """
    whole = [(k, k.seen.region) for k in known if k.seen.region and not k.absent]
    regions = [(n, one.region) for n, one in enumerate(found) if one.region]
    near = box_ious(_boxes(whole), _boxes(regions)) > 0
    parts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for column, (place, region) in enumerate(regions):
        rows = np.flatnonzero(near[:, column]).tolist()
        shared = {row: overlap(region, whole[row][1]) for row in rows}
        most = max(shared, key=lambda row: shared[row], default=None)
        if most is not None and shared[most] >= INSIDE * region.area:
            parts[most].append((place, region.area))
    return {
        place: whole[row][0].id
        for row, pieces in parts.items()
        if _are_parts([area for _, area in pieces], whole[row][0].usual_px)
        for place, _ in pieces
    }


def _boxes(regions: Sequence[tuple[object, Region]]) -> np.ndarray:
    return np.array([region.xyxy for _, region in regions], float).reshape(-1, 4)


def _are_parts(areas: Sequence[int], whole: float) -> bool:
    return len(areas) > 1 and max(areas) <= LARGEST_PART * whole and sum(areas) >= LEAST_SUM * whole
