"""Temporal instability T of a mask sequence (Perazzi et al., CVPR 2016).

How much the outline of an object must be deformed from one frame to the next: the outlines are
simplified to polygons, every point is described by its shape context (Belongie et al., PAMI 2002),
the cheapest monotone matching of the two closed curves is found, and T is its mean cost.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from propago.metrics.outlines import object_on_right, outlines
from propago.metrics.statistics import mean

if TYPE_CHECKING:
    from propago.metrics.pairs import MaskPair

STRAIGHT, SIMPLIFIED = 0.1, 3.0
"""Tolerances of the two simplifications, in half pixels."""
STEP_PX = 3.0
RADII = np.logspace(math.log10(1 / 8), math.log10(2), 5)
"""Outer radii of the rings of a shape context, in mean distances between points."""
ANGLES = 12
SCALE = 5.0
"""The official tool reports the mean matching cost times five."""
TINY = 2.2204e-16

Outline = np.ndarray
"""(N, 60) float64: the shape context of every point of an object's longest outline."""


class Instability:
    """T of one object: how much its predicted outline changes from frame to frame."""

    lower_is_better = ("T_mean",)

    def __init__(self) -> None:
        self._before: Outline | None = None
        self._values: list[float] = []

    def update(self, pair: "MaskPair") -> Mapping[str, float]:
        """T against the frame before; NaN where either has no outline."""
        outline = describe(pair.pred)
        self._values.append(instability(self._before, outline))
        self._before = outline
        return {"T": self._values[-1]}

    def compute(self) -> Mapping[str, float]:
        """{"T_mean"}, over the frames that have a T."""
        return {"T_mean": mean(np.array(self._values))}


def describe(mask: np.ndarray) -> Outline | None:
    """The description of a mask that `instability` compares.

    Args:
        mask: (H, W) bool.

    Returns:
        None where no outline has more than two corners left when simplified.
    """
    polygons = [(_simplified(outline), outline) for outline in outlines(mask)]
    if not polygons:
        return None
    polygon, outline = max(reversed(polygons), key=lambda p: len(p[0]))
    if len(polygon) <= 3:
        return None
    clockwise = polygon if object_on_right(mask, outline) else polygon[::-1]
    return _shape_contexts(_resampled(clockwise))


def instability(before: Outline | None, after: Outline | None) -> float:
    """T between two frames; 0 for equal masks, NaN where either has no outline."""
    if before is None or after is None:
        return math.nan
    costs = _costs(before, after)
    path = _cheapest_path(costs)
    row, column = path[np.argmin(costs[tuple(path[:-1].T)])]
    rolled = np.roll(costs, (-row - 1, -column - 1), (0, 1))
    path = (_cheapest_path(rolled) + (np.array([row, column]) + 1)) % costs.shape
    pairs = _cheapest_of_each(_cheapest_of_each(path, 0, costs), 1, costs)
    return SCALE * float(np.mean(costs[tuple(pairs.T)]))


def _simplified(outline: np.ndarray) -> np.ndarray:
    """A closed outline without the corners on straight runs, then without details of 1.5 pixels."""
    return _douglas_peucker(_douglas_peucker(outline * 2.0, STRAIGHT), SIMPLIFIED) / 2


def _douglas_peucker(points: np.ndarray, tolerance: float) -> np.ndarray:
    """The points farther than `tolerance` from the segments between kept ones.

    Points nearer than `tolerance` to the one kept before them are dropped first; of equally far
    ones the last is kept.
    """
    points = points[_apart(points, tolerance)]
    kept = np.zeros(len(points), bool)
    kept[[0, -1]] = True
    open_runs = [(0, len(points) - 1)]
    while open_runs:
        first, last = open_runs.pop()
        if last - first < 2:
            continue
        distances = _squared_distances(points[first + 1 : last], points[first], points[last])
        farthest = last - 1 - int(np.argmax(distances[::-1]))
        if distances[farthest - first - 1] > tolerance**2:
            kept[farthest] = True
            open_runs += [(first, farthest), (farthest, last)]
    return points[kept]


def _apart(points: np.ndarray, tolerance: float) -> list[int]:
    """Indices of points at least `tolerance` from the one kept before; first and last always."""
    kept = [0]
    listed, limit = points.tolist(), tolerance**2
    for index in range(1, len(listed) - 1):
        (y, x), (v, u) = listed[index], listed[kept[-1]]
        if (y - v) ** 2 + (x - u) ** 2 >= limit:
            kept.append(index)
    return [*kept, len(listed) - 1]


def _squared_distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Squared distance of each point to a segment, which may be a point.

    Staircases have many corners at one distance. Which of them is farthest is decided by rounding,
    hence the place along the segment is in single precision, as in the official tool.
    """
    along = end - start
    length = np.float32(along @ along)
    projected = ((points - start) @ along).astype(np.float32)
    share = np.clip(projected, 0, length) / max(length, np.float32(1))
    off = points - (start + share[:, None].astype(np.float64) * along)
    return off[:, 0] ** 2 + off[:, 1] ** 2


def _resampled(polygon: np.ndarray) -> np.ndarray:
    """Points of a closed polygon with no step above 3 pixels, in the tool's single precision."""
    polygon = polygon.astype(np.float32)
    points = [polygon[0]]
    for start, end in pairwise(polygon):
        step = end - start
        count = math.ceil(np.sqrt(step[0] ** 2 + step[1] ** 2) / np.float32(STEP_PX))
        for _ in range(count - 1):
            points.append(points[-1] + step / np.float32(count))
        points.append(end)
    return np.array(points, np.float64)


def _shape_contexts(points: np.ndarray) -> Outline:
    """Share of all points in each of 5 rings x 12 sectors around each point.

    The point itself counts, in the innermost ring; points beyond the outermost ring do not.
    """
    offsets = points[None] - points[:, None]
    distances = np.sqrt((offsets**2).sum(-1))
    rings = (distances[..., None] / distances.mean() < RADII).sum(-1)
    angles = np.arctan2(offsets[..., 0], offsets[..., 1])
    turn = 2 * np.pi
    sectors = np.floor(np.fmod(np.fmod(angles, turn) + turn, turn) / (turn / ANGLES)).astype(int)
    centre, other = np.nonzero(rings)
    bins = (rings[centre, other] - 1) * ANGLES + sectors[centre, other]
    size = len(RADII) * ANGLES
    counts = np.bincount(centre * size + bins, minlength=len(points) * size)
    counts = counts.reshape(len(points), size)
    return counts / (counts.sum(1, keepdims=True) + TINY)


def _costs(before: Outline, after: Outline) -> np.ndarray:
    """(N, M) chi-squared distances of shape contexts."""
    costs = np.zeros((len(before), len(after)))
    for bin_ in np.flatnonzero(before.any(0) | after.any(0)):
        a, b = before[:, bin_, None], after[:, bin_]
        costs += (a - b) ** 2 / (a + b + TINY)
    return costs / 2


def _cheapest_path(costs: np.ndarray) -> np.ndarray:
    """The path from the last to the first cell whose cells, the first left out, cost least.

    Steps go to the cell above, diagonally above, or to the left; the official tool runs Dijkstra's
    algorithm on that graph. Where two steps are equally cheap the one named first is taken here.

    Returns:
        (L, 2) int64 rows and columns.
    """
    totals = _path_totals(costs)
    row, column = costs.shape[0] - 1, costs.shape[1] - 1
    path = [(row, column)]
    while row or column:
        steps = [(row - 1, column), (row - 1, column - 1), (row, column - 1)]
        row, column = min((s for s in steps if min(s) >= 0), key=lambda s: totals[s])
        path.append((row, column))
    return np.array(path)


def _path_totals(costs: np.ndarray) -> np.ndarray:
    """(N, M) cost of the cheapest path from the first cell to each, diagonal by diagonal."""
    rows, columns = costs.shape
    totals = np.full((rows + 1, columns + 1), np.inf)
    totals[1, 1] = 0.0
    flat, stride = totals.ravel(), columns + 1
    for diagonal in range(1, rows + columns - 1):
        first, last = max(0, diagonal - columns + 1), min(diagonal, rows - 1)
        row = np.arange(first, last + 1)
        at = (row + 1) * stride + (diagonal - row + 1)
        cheapest = np.minimum(np.minimum(flat[at - stride], flat[at - stride - 1]), flat[at - 1])
        flat[at] = cheapest + costs[row, diagonal - row]
    return totals[1:, 1:]


def _cheapest_of_each(pairs: np.ndarray, axis: int, costs: np.ndarray) -> np.ndarray:
    """For each row (axis 0) or column (axis 1) that occurs in `pairs`, its cheapest pair."""
    order = np.lexsort((costs[tuple(pairs.T)], pairs[:, axis]))
    _, first = np.unique(pairs[order, axis], return_index=True)
    return pairs[order[first]]
