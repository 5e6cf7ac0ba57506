"""Connected regions of a map, each held in its bounding box, and what can be asked of two.

Work on a region costs what its box holds, however large the picture is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

MOST_REGIONS = 256
"""Of a map only so many regions are looked at, the largest."""

FEW_RUNS = 4096
"""With more runs of pixels in its rows a map may have so many regions that outlines are slow."""


@dataclass(frozen=True, eq=False)
class Region:
    """Some pixels of a map.

    Attributes:
        top: first row of the box.
        left: first column of the box.
        mask: (h, w) bool, which pixels of the box.
        area: how many, in pixels; at least 1.
    """

    top: int
    left: int
    mask: np.ndarray
    area: int

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the map."""
        height, width = self.mask.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def xyxy(self) -> tuple[int, int, int, int]:
        """The box as x0, y0, x1, y1 in pixels, exclusive end."""
        rows, columns = self.box
        return columns.start, rows.start, columns.stop, rows.stop


def region_of(mask: np.ndarray) -> Region | None:
    """All pixels of a (H, W) bool map as one region; None where there is none."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return None
    inside = mask[y : y + height, x : x + width].copy()
    return Region(y, x, inside, int(np.count_nonzero(inside)))


def within(region: Region, where: np.ndarray) -> Region | None:
    """The pixels of a region at which `where`, (h, w) bool over its box, is true."""
    left = region_of(region.mask & where)
    return left and replace(left, top=region.top + left.top, left=region.left + left.left)


def components(mask: np.ndarray) -> list[Region]:
    """The 8-connected regions of a (H, W) bool map, the largest first, `MOST_REGIONS` at most."""
    whole = region_of(mask)
    if whole is None:
        return []
    found = _flooded(whole) if _runs(whole.mask) <= FEW_RUNS else _labelled(whole)
    return sorted(found, key=lambda region: -region.area)[:MOST_REGIONS]


def holes(region: Region) -> list[Region]:
    """The 4-connected areas that a region encloses."""
    padded = np.pad(~region.mask, 1, constant_values=True)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        padded.view(np.uint8), connectivity=4, ltype=_label_type(padded)
    )
    frame = Region(region.top - 1, region.left - 1, padded, 0)
    outside = labels[0, 0]
    return [
        _component(frame, labels, n, *map(int, stats[n])) for n in range(1, count) if n != outside
    ]


def overlap(a: Region, b: Region) -> int:
    """How many pixels both hold."""
    shared = _shared_box(a, b)
    if shared is None:
        return 0
    return int(np.count_nonzero(_within(a, *shared) & _within(b, *shared)))


def iou(a: Region, b: Region) -> float:
    """Jaccard similarity, in [0, 1]."""
    both = overlap(a, b)
    return both / (a.area + b.area - both)


def without(a: Region, b: Region) -> Region | None:
    """The pixels of `a` that `b` does not hold, in the box of `a`; None where none is left."""
    shared = _shared_box(a, b)
    if shared is None:
        return a
    mask = a.mask.copy()
    left = Region(a.top, a.left, mask, 0)
    _within(left, *shared)[_within(b, *shared)] = False
    area = int(np.count_nonzero(mask))
    return Region(a.top, a.left, mask, area) if area else None


def union(regions: Sequence[Region]) -> Region:
    """The pixels of any of one or more regions."""
    if len(regions) == 1:
        return regions[0]
    boxes = np.array([region.xyxy for region in regions])
    (left, top), (right, bottom) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    mask = np.zeros((bottom - top, right - left), bool)
    for region in regions:
        y, x = region.top - top, region.left - left
        mask[y : y + region.mask.shape[0], x : x + region.mask.shape[1]] |= region.mask
    return Region(int(top), int(left), mask, int(np.count_nonzero(mask)))


def widened(region: Region, reach_px: int) -> Region:
    """The pixels at most `reach_px` rows and columns from a region, also beyond the map."""
    if not reach_px:
        return region
    padded = cv2.copyMakeBorder(
        region.mask.view(np.uint8), *(reach_px,) * 4, borderType=cv2.BORDER_CONSTANT, value=0
    )
    wide = cv2.dilate(padded, np.ones((2 * reach_px + 1,) * 2, np.uint8)).view(bool)
    area = int(np.count_nonzero(wide))
    return Region(region.top - reach_px, region.left - reach_px, wide, area)


def overlap_within(a: Region, b: Region, reach_px: int) -> int:
    """How many pixels of `a` are at most `reach_px` rows and columns from one of `b`."""
    height, width = a.mask.shape
    frame = np.broadcast_to(True, (height + 2 * reach_px, width + 2 * reach_px))
    shared = _shared_box(Region(a.top - reach_px, a.left - reach_px, frame, frame.size), b)
    if shared is None:
        return 0
    around = Region(*shared[:2], _within(b, *shared), 0)
    return overlap(a, widened(around, reach_px))


def _flooded(whole: Region) -> list[Region]:
    """The 8-connected regions, each found by its outline; three times as fast as labelling."""
    left = whole.mask.view(np.uint8)
    outlines, tree = cv2.findContours(left, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outer = [line[0, 0] for line, parent in zip(outlines, tree[0, :, 3], strict=True) if parent < 0]
    outer.sort(key=lambda point: (point[1], point[0]))
    if len(outer) == 1:
        return [whole]
    found, left = [], left.copy()
    for column, row in outer:
        area, _, _, (x, y, width, height) = cv2.floodFill(
            left, None, (int(column), int(row)), 2, flags=8
        )
        inside = left[y : y + height, x : x + width]
        found.append(Region(whole.top + y, whole.left + x, inside == 2, area))
        inside &= 1
    return found


def _labelled(whole: Region) -> list[Region]:
    """The largest 8-connected regions, for maps with very many."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        whole.mask.view(np.uint8), connectivity=8, ltype=_label_type(whole.mask)
    )
    largest = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:MOST_REGIONS]
    return [_component(whole, labels, n, *map(int, stats[n])) for n in largest]


def _label_type(mask: np.ndarray) -> int:
    """16 bits where every run of a row could have its own label, which is three times as fast."""
    return cv2.CV_16U if _runs(mask) < np.iinfo(np.uint16).max else cv2.CV_32S


def _runs(mask: np.ndarray) -> int:
    """At least as many as runs of true pixels in the rows, so also as regions."""
    return int(np.count_nonzero(mask[:, 1:] > mask[:, :-1])) + len(mask)


def _component(
    whole: Region, labels: np.ndarray, n: int, x: int, y: int, width: int, height: int, area: int
) -> Region:
    mask = labels[y : y + height, x : x + width] == n
    return Region(whole.top + y, whole.left + x, mask, area)


def _shared_box(a: Region, b: Region) -> tuple[int, int, int, int] | None:
    """top, left, bottom, right of the rectangle in which two boxes overlap."""
    top, left = max(a.top, b.top), max(a.left, b.left)
    bottom = min(a.top + a.mask.shape[0], b.top + b.mask.shape[0])
    right = min(a.left + a.mask.shape[1], b.left + b.mask.shape[1])
    return (top, left, bottom, right) if top < bottom and left < right else None


def _within(region: Region, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """A view of a region's mask in a rectangle of the map."""
    return region.mask[
        top - region.top : bottom - region.top, left - region.left : right - region.left
    ]
