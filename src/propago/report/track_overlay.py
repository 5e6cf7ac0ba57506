"""Tracked instances drawn over pictures: masks, ids and classes, and the way each has come."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from propago.report.overlay import VIVID, draw_overlay, write_caption

TRAIL_FRAMES = 30
"""So far back the way of an instance is drawn."""

_SHIFT = 3


@dataclass(frozen=True)
class ShownInstance:
    """One instance of a frame: its id, what is written, and where it is in pixels."""

    id: int
    caption: str
    box: tuple[int, int, int, int]
    centroid: tuple[float, float]


class TrackDrawing:
    """Draws the frames of one video in order; remembers where instances were."""

    def __init__(self) -> None:
        self._frames = 0
        self._trails: dict[int, deque[tuple[int, tuple[float, float]]]] = {}

    def draw(
        self, rgb: np.ndarray, labels: np.ndarray, shown: Sequence[ShownInstance]
    ) -> np.ndarray:
        """The next frame, drawn.

        Args:
            rgb: (H, W, 3) uint8.
            labels: (H, W) uint8 or uint16 label map of ids.
            shown: the instances of the frame.

        Returns:
            (H, W, 3) uint8, a new array.
        """
        drawn = draw_overlay(rgb, labels)
        self._remember(shown)
        for track_id, trail in self._trails.items():
            line = np.array([point for _, point in trail])
            corners = np.rint((line - 0.5) * (1 << _SHIFT)).astype(np.int32)
            colour = colour_of(track_id)
            cv2.polylines(drawn, [corners], False, colour, 1, cv2.LINE_AA, _SHIFT)
        for one in shown:
            write_caption(drawn, one.caption, one.box)
        return drawn

    def _remember(self, shown: Sequence[ShownInstance]) -> None:
        for one in shown:
            self._trails.setdefault(one.id, deque()).append((self._frames, one.centroid))
        for track_id, trail in list(self._trails.items()):
            while trail and trail[0][0] <= self._frames - TRAIL_FRAMES:
                trail.popleft()
            if not trail:
                del self._trails[track_id]
        self._frames += 1


def colour_of(track_id: int) -> tuple[int, int, int]:
    """RGB of an id, as `draw_overlay` has it."""
    red, green, blue = VIVID[(track_id - 1) % 255 + 1].tolist()
    return red, green, blue
