"""How things move in rendered clips: smooth paths, limbs that swing, bodies that bend.

Points are (x, y) in pixels; a placement is a (3, 3) affine matrix from an object's own
coordinates (origin at its centre) to the frame.
"""

from dataclasses import dataclass

import cv2
import numpy as np

_CELL_PX = 8


@dataclass(frozen=True)
class Path:
    """A smooth path: drift plus a slow swing, in place, angle and size.

    Attributes:
        start: (x, y, angle_rad, log_scale) at time 0.
        drift: change of those four a frame.
        swing: amplitudes of those four.
        rate: radians a frame of the swing.
        phase: radians at time 0.
    """

    start: np.ndarray
    drift: np.ndarray
    swing: np.ndarray
    rate: float
    phase: float

    def placement(self, t: float) -> np.ndarray:
        """(3, 3) affine matrix at time `t` (frames)."""
        turn = np.sin(self.rate * t + self.phase) - np.sin(self.phase)
        x, y, angle_rad, log_scale = self.start + self.drift * t + self.swing * turn
        return affine(float(x), float(y), float(angle_rad), float(np.exp(log_scale)))


@dataclass(frozen=True)
class Bend:
    """A travelling wave that deforms an object in its own coordinates.

    Attributes:
        amplitude_px: (2, N) size of each wave along x and y.
        waves: (N, 2) radians a pixel along x and y.
        rate: (N,) radians a frame.
        phase: (N,) radians.
    """

    amplitude_px: np.ndarray
    waves: np.ndarray
    rate: np.ndarray
    phase: np.ndarray

    def shift(self, x: np.ndarray, y: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
        """Displacement (dx, dy) in pixels of the points (x, y) at time `t`."""
        angle = self.waves[:, :1, None] * x + self.waves[:, 1:, None] * y
        wave = np.sin(angle + (self.rate * t + self.phase)[:, None, None])
        dx, dy = np.tensordot(self.amplitude_px, wave, 1)
        return dx, dy


def affine(x: float, y: float, angle_rad: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """(3, 3) matrix that scales, turns (clockwise on screen), then shifts by (x, y)."""
    cos, sin = scale * np.cos(angle_rad), scale * np.sin(angle_rad)
    return np.array([[cos, -sin, x], [sin, cos, y], [0, 0, 1.0]])


def draw_path(rng: np.random.Generator, start: np.ndarray, speed_px: float, spin: float) -> Path:
    """A random path from `start`.

    Args:
        rng: source of chance.
        start: (x, y, angle_rad, log_scale).
        speed_px: typical pixels a frame.
        spin: typical radians a frame; sizes change at a comparable relative rate.
    """
    heading = rng.uniform(0, 2 * np.pi)
    drift_px = speed_px * np.array([np.cos(heading), np.sin(heading)])
    drift = np.array([*drift_px, rng.normal(0, spin), rng.normal(0, 0.4 * spin)])
    rate = rng.uniform(0.1, 0.9)
    swing = np.array([*rng.normal(0, speed_px / rate / 2, 2), rng.normal(0, spin / rate), 0.0])
    return Path(start, drift, swing, rate, rng.uniform(0, 2 * np.pi))


def draw_speed(rng: np.random.Generator, size: tuple[int, int]) -> float:
    """Pixels a frame of an object in a clip of `size` (H, W): mostly slow, now and then fast."""
    return min(0.02 * float(np.exp(rng.normal(0, 0.9))), 0.12) * max(size)


def draw_bend(rng: np.random.Generator, side_px: float, strength: float) -> Bend:
    """Two waves about as long as an object of `side_px`, with amplitudes of `strength` times it."""
    count = 2
    return Bend(
        amplitude_px=rng.normal(0, strength * side_px, (2, count)),
        waves=rng.uniform(-1, 1, (count, 2)) * 2 * np.pi / side_px,
        rate=rng.uniform(0.1, 0.8, count),
        phase=rng.uniform(0, 2 * np.pi, count),
    )


def sampling_map(
    inverse: np.ndarray, box: tuple[int, int, int, int], bend: Bend | None, t: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of a box of the frame comes from: maps for `cv2.remap`.

    The map is computed on a grid of cells and interpolated, which is exact for affine maps and
    very nearly so for a bend.

    Args:
        inverse: (3, 3) from the frame to the object's own coordinates.
        box: (x0, y0, x1, y1) in frame pixels.
        bend: deformation in the object's coordinates, or None.
        t: time in frames.

    Returns:
        x and y, each (y1 - y0, x1 - x0) float32, in the object's own coordinates.
    """
    x0, y0, x1, y1 = box
    columns, rows = -(-(x1 - x0) // _CELL_PX) + 2, -(-(y1 - y0) // _CELL_PX) + 2
    middle = (_CELL_PX - 1) / 2 - _CELL_PX
    x = x0 + middle + _CELL_PX * np.arange(columns)[None, :]
    y = y0 + middle + _CELL_PX * np.arange(rows)[:, None]
    own_x = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
    own_y = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
    if bend is not None:
        dx, dy = bend.shift(own_x, own_y, t)
        own_x, own_y = own_x + dx, own_y + dy
    inside = np.s_[_CELL_PX : _CELL_PX + y1 - y0, _CELL_PX : _CELL_PX + x1 - x0]
    full = (columns * _CELL_PX, rows * _CELL_PX)
    map_x, map_y = (
        cv2.resize(grid.astype(np.float32), full, interpolation=cv2.INTER_LINEAR)[inside]
        for grid in (own_x, own_y)
    )
    return map_x, map_y
