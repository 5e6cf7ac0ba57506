"""The things that move in the demo scene, drawn once: a beach ball, a little van, a parrot.

Each is drawn four times too large and reduced, so that outlines are smooth. Coordinates of the
outlines are in units of the sprite's width, y down.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from propago.data.augment import relight

_OVERSAMPLING = 4

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]


def ball_pattern(diameter_px: int) -> np.ndarray:
    """(D, D, 4) uint8: the six curved panels of a beach ball, unlit, to be rolled."""
    side = diameter_px * _OVERSAMPLING
    y, x = (np.mgrid[:side, :side].astype(np.float32) + 0.5) / side * 2 - 1
    radius = np.hypot(x, y)
    twist = np.arctan2(y - 0.16, x + 0.12) + 0.9 * radius
    panel = np.floor(twist / (2 * np.pi) * 6).astype(int) % 6
    white, colours = (250, 246, 236), [(222, 52, 44), (250, 246, 236), (38, 104, 196)]
    palette = np.array([colours[0], white, (246, 190, 44), white, colours[2], white], np.uint8)
    rgb = palette[panel]
    rgb[np.hypot(x + 0.12, y - 0.16) < 0.13] = (246, 242, 230)
    coverage = np.where(radius < 1 - 3 / diameter_px, 255, 0).astype(np.uint8)
    return _reduced(np.dstack([rgb, coverage]), (diameter_px, diameter_px))


def ball_shading(diameter_px: int) -> np.ndarray:
    """(D, D) float32 brightness of a ball lit from the upper left; it does not roll."""
    y, x = (np.mgrid[:diameter_px, :diameter_px].astype(np.float32) + 0.5) / diameter_px * 2 - 1
    z = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    diffuse = np.clip(-0.5 * x - 0.62 * y + 0.6 * z, 0, 1)
    gloss = np.clip(-0.33 * x - 0.45 * y + 0.83 * z, 0, 1) ** 24
    return 0.42 + 0.68 * diffuse + 0.55 * gloss


def van_body(width_px: int) -> np.ndarray:
    """(H, W, 4) uint8: a little van that faces left, without its wheels; H is half of W."""
    canvas = _Canvas(width_px, 0.5)
    teal, dark, cream = (38, 150, 148), (24, 62, 70), (244, 232, 206)
    hull = [(0.03, 0.43), (0.025, 0.33), (0.05, 0.27), (0.12, 0.24), (0.2, 0.1), (0.25, 0.06)]
    hull += [(0.34, 0.045), (0.86, 0.045), (0.93, 0.07), (0.965, 0.13), (0.975, 0.43)]
    canvas.fill(_rounded(hull), teal)
    canvas.fill([(0.03, 0.3), (0.05, 0.265), (0.973, 0.265), (0.974, 0.305)], cream)
    canvas.fill(_rounded([(0.26, 0.045), (0.9, 0.045), (0.94, 0.085), (0.235, 0.085)]), cream)
    glass = (150, 196, 214)
    windscreen = _rounded([(0.16, 0.235), (0.235, 0.11), (0.33, 0.11), (0.33, 0.235)])
    for pane in (windscreen, _box(0.37, 0.11, 0.6, 0.235), _box(0.64, 0.11, 0.9, 0.235)):
        canvas.fill(pane, dark, grow=0.008)
        canvas.fill(pane, glass)
    canvas.fill([(0.4, 0.235), (0.47, 0.11), (0.51, 0.11), (0.44, 0.235)], (196, 224, 234))
    canvas.fill([(0.68, 0.235), (0.75, 0.11), (0.81, 0.11), (0.74, 0.235)], (196, 224, 234))
    canvas.fill(_disc(0.245, 0.19, 0.03), (92, 58, 46))
    canvas.fill(_box(0.215, 0.205, 0.285, 0.235), (206, 74, 52))
    for x in (0.35, 0.62):
        canvas.fill(_box(x - 0.002, 0.1, x + 0.002, 0.42), (28, 118, 118))
    canvas.fill(_box(0.375, 0.325, 0.415, 0.335), dark)
    canvas.fill(_disc(0.055, 0.335, 0.027), (255, 240, 190))
    canvas.fill(_box(0.95, 0.31, 0.974, 0.36), (206, 52, 44))
    canvas.fill(_rounded(_box(0.012, 0.4, 0.982, 0.44)), (222, 214, 198))
    for x in VAN_WHEELS:
        canvas.fill([(px, min(py, 0.44)) for px, py in _disc(x, 0.42, 0.092)], dark)
    rgba = canvas.finished()
    rows = np.linspace(0, 1, rgba.shape[0], dtype=np.float32)[:, None]
    gain = np.broadcast_to(1.18 - 0.42 * rows**1.5, rgba.shape[:2])
    return np.dstack([relight(np.ascontiguousarray(rgba[..., :3]), gain), rgba[..., 3]])


VAN_WHEELS = (0.235, 0.765)
"""Where the wheels sit along the van, in its widths; they are 0.42 widths below its top."""


def van_wheel(diameter_px: int) -> np.ndarray:
    """(D, D, 4) uint8: a tyre with a hub and five holes, to be turned."""
    canvas = _Canvas(diameter_px, 1.0)
    canvas.fill(_disc(0.5, 0.5, 0.47), (38, 36, 38))
    canvas.fill(_disc(0.5, 0.5, 0.31), (206, 204, 198))
    canvas.fill(_disc(0.5, 0.5, 0.27), (232, 230, 222))
    for angle_rad in np.arange(5) * 2 * np.pi / 5:
        x, y = 0.5 + 0.17 * np.cos(angle_rad), 0.5 + 0.17 * np.sin(angle_rad)
        canvas.fill(_disc(float(x), float(y), 0.055), (74, 72, 76))
    canvas.fill(_disc(0.5, 0.5, 0.08), (206, 52, 44))
    return canvas.finished()


def parrot_body(width_px: int) -> np.ndarray:
    """(H, W, 4) uint8: a macaw in flight that faces left, without its wings; H is half of W."""
    canvas = _Canvas(width_px, 0.5)
    blue, deep, gold = (34, 92, 204), (22, 52, 138), (248, 186, 40)
    canvas.fill(_curve([(0.58, 0.2), (0.97, 0.33), (0.98, 0.37), (0.9, 0.37), (0.56, 0.32)]), deep)
    canvas.fill(_curve([(0.58, 0.22), (0.9, 0.36), (0.84, 0.385), (0.55, 0.33)]), gold)
    body = [(0.12, 0.2), (0.16, 0.12), (0.24, 0.1), (0.34, 0.14), (0.5, 0.15), (0.66, 0.23)]
    canvas.fill(_curve([*body, (0.62, 0.31), (0.46, 0.35), (0.3, 0.33), (0.17, 0.28)]), blue)
    canvas.fill(_curve([(0.15, 0.26), (0.3, 0.25), (0.6, 0.28), (0.46, 0.345), (0.28, 0.33)]), gold)
    canvas.fill(
        _curve([(0.13, 0.17), (0.2, 0.14), (0.24, 0.19), (0.2, 0.25), (0.14, 0.24)]),
        (250, 246, 236),
    )
    canvas.fill(
        _curve(
            [(0.14, 0.16), (0.08, 0.17), (0.055, 0.22), (0.08, 0.28), (0.1, 0.23), (0.14, 0.23)]
        ),
        (42, 40, 44),
    )
    canvas.fill(_disc(0.18, 0.175, 0.017), (24, 22, 24))
    rgba = canvas.finished()
    rows = np.linspace(0, 1, rgba.shape[0], dtype=np.float32)[:, None]
    gain = np.broadcast_to(1.15 - 0.3 * rows, rgba.shape[:2])
    return np.dstack([relight(np.ascontiguousarray(rgba[..., :3]), gain), rgba[..., 3]])


def parrot_wing(length_px: int, shade: float) -> np.ndarray:
    """(H, W, 4) uint8: a raised wing, its shoulder at the middle of the lower edge.

    Args:
        length_px: height from shoulder to tip; the width is 0.8 of it.
        shade: brightness, less than 1 for the far wing.
    """
    width_px = round(0.8 * length_px)
    canvas = _Canvas(width_px, length_px / width_px)
    blue, deep, gold = (40, 108, 220), (20, 46, 128), (248, 186, 40)
    for k in range(9):
        tip = (0.34 + 0.07 * k, 0.05 + 0.012 * k * k)
        root = (0.4 + 0.028 * k, 1.1)
        quill = [
            (root[0] - 0.06, root[1]),
            (tip[0] - 0.05, tip[1] + 0.1),
            tip,
            (tip[0] + 0.045, tip[1] + 0.12),
            (root[0] + 0.06, root[1]),
        ]
        canvas.fill(_curve(quill), deep if k % 2 else (28, 66, 168))
    canvas.fill(_curve([(0.36, 1.18), (0.3, 0.62), (0.4, 0.4), (0.62, 0.56), (0.7, 1.16)]), blue)
    canvas.fill(_curve([(0.4, 1.2), (0.36, 0.86), (0.5, 0.74), (0.66, 0.9), (0.66, 1.2)]), gold)
    canvas.fill(_curve([(0.4, 1.21), (0.37, 0.96), (0.5, 0.88), (0.64, 1.0), (0.64, 1.21)]), blue)
    rgba = canvas.finished()
    gain = np.full(rgba.shape[:2], shade, np.float32)
    return np.dstack([relight(np.ascontiguousarray(rgba[..., :3]), gain), rgba[..., 3]])


class _Canvas:
    """A large RGBA picture on which flat shapes are laid one over the other."""

    def __init__(self, width_px: int, aspect: float) -> None:
        self._size = (width_px, round(width_px * aspect))
        self._scale = width_px * _OVERSAMPLING
        shape = (self._size[1] * _OVERSAMPLING, self._size[0] * _OVERSAMPLING)
        self._rgba = np.zeros((*shape, 4), np.uint8)

    def fill(self, points: Points, colour: Colour, grow: float = 0.0) -> None:
        """Fill a closed outline; `grow` (in widths) thickens it."""
        outline = [np.round(np.array(points) * self._scale).astype(np.int32)]
        cv2.fillPoly(self._rgba, outline, (*colour, 255))
        if grow:
            thickness = max(round(2 * grow * self._scale), 1)
            cv2.polylines(self._rgba, outline, True, (*colour, 255), thickness)

    def finished(self) -> np.ndarray:
        """The picture at its final size."""
        return _reduced(self._rgba, self._size)


def _reduced(rgba: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Average down to `size` (width, height) without darkening edges; the border is cleared."""
    coverage = rgba[..., 3].astype(np.float32) * (1 / 255)
    small = cv2.resize(coverage, size, interpolation=cv2.INTER_AREA)
    premultiplied = rgba[..., :3] * coverage[..., None]
    colour = cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA)
    colour = colour / np.maximum(small, 1e-3)[..., None]
    small[[0, -1]] = 0
    small[:, [0, -1]] = 0
    return np.dstack([np.clip(colour, 0, 255), small * 255]).round().astype(np.uint8)


def _box(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _disc(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return [(x + radius * float(np.cos(a)), y + radius * float(np.sin(a))) for a in angles]


def _rounded(points: Points) -> Points:
    """The outline with its corners cut twice (Chaikin 1974)."""
    corners = np.array(points)
    for _ in range(2):
        following = np.roll(corners, -1, 0)
        near, far = 0.85 * corners + 0.15 * following, 0.15 * corners + 0.85 * following
        corners = np.stack([near, far], 1).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in corners]


def _curve(points: Points) -> Points:
    """A smooth closed curve near the points (quadratic B-spline, by Chaikin's corner cutting)."""
    corners = np.array(points)
    for _ in range(4):
        following = np.roll(corners, -1, 0)
        near, far = 0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following
        corners = np.stack([near, far], 1).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in corners]
