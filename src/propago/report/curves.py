"""Scores per frame as the path of an SVG curve."""

import math
from collections.abc import Sequence


def curve_path(values: Sequence[float | None], top: float = 1.0) -> str:
    """The `d` of an SVG path: x is the frame's index, y runs from 0 (top) to 1 (value 0).

    A frame without a value is a gap. A value between two gaps is a line of no length, which a
    round line cap shows as a dot.

    Args:
        values: one a frame; None or NaN where there is none.
        top: the value at y = 0.
    """
    parts, pen_down = [], False
    for x, value in enumerate(values):
        if value is None or math.isnan(value):
            pen_down = False
            continue
        y = f"{1 - value / top:.4f}".rstrip("0").rstrip(".")
        parts.append(f"L{x} {y}" if pen_down else f"M{x} {y}h0")
        pen_down = True
    return "".join(parts)


def scale_top(values: Sequence[float | None]) -> float:
    """The upper end of an axis: 1, or the next half above values that exceed it."""
    highest = max((v for v in values if v is not None and not math.isnan(v)), default=1.0)
    return max(1.0, math.ceil(2 * highest) / 2)
