"""Textures and outlines to render clips from: procedural, or cut from free photographs.

The photographs are those of scikit-image's wheel whose documentation names them public domain or
CC0, and no other: astronaut (NASA), rocket (SpaceX), clock (Stefan van der Walt): public domain;
coffee (Rachel Michetti), chelsea (Stefan van der Walt), camera (Lav Varshney), brick and gravel
(CC0Textures), grass (linolafett): CC0.
Without scikit-image (extra `train`) every texture is procedural.
"""

import math
from functools import lru_cache

import cv2
import numpy as np

from propago.data.augment import blend, draw_colour_map

PHOTOGRAPHS = (
    "astronaut",
    "rocket",
    "clock",
    "coffee",
    "chelsea",
    "camera",
    "brick",
    "gravel",
    "grass",
)
"""Names in `skimage.data`; public domain or CC0, and part of its wheel."""

_LONG_SIDE_PX = 640


@lru_cache(maxsize=1)
def photographs() -> tuple[np.ndarray, ...]:
    """The free photographs as (H, W, 3) uint8 RGB; empty where scikit-image is not installed."""
    try:
        from skimage import data
    except ImportError:
        return ()
    return tuple(_as_rgb(getattr(data, name)()) for name in PHOTOGRAPHS)


def draw_texture(rng: np.random.Generator, side: int) -> np.ndarray:
    """A (side, side, 3) uint8 RGB texture in random colours, sometimes of two materials."""
    first = _draw_material(rng, side)
    if rng.random() < 0.35:
        second = _draw_material(rng, side)
        coarse = rng.normal(size=(int(rng.integers(2, 5)), int(rng.integers(1, 5))))
        height = cv2.resize(coarse.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        weight = np.clip(height * side / 8 + 0.5, 0, 1)
        first = blend(first, second, weight)
    return first


def draw_outline(rng: np.random.Generator, side: int) -> np.ndarray:
    """A (side, side) uint8 coverage mask of one part of an object: 0 outside, 255 inside.

    Lobed blobs, rounded boxes, polygons, bars and, rarely, rings; anti-aliased, and clear of the
    border.
    """
    kind = rng.choice(5, p=[0.62, 0.15, 0.1, 0.09, 0.04])
    draw = (_blob, _rounded_box, _polygon, _bar, _ring)[kind]
    return draw(rng, side)


def _draw_material(rng: np.random.Generator, side: int) -> np.ndarray:
    photos = photographs()
    if photos and rng.random() < 0.5:
        texture = _photo_piece(rng, photos[rng.integers(len(photos))], side)
    else:
        texture = (_fractal, _fractal, _plain, _stripes, _spots)[rng.integers(5)](rng, side)
    return draw_colour_map(rng, strength=1.4)(texture)


def _photo_piece(rng: np.random.Generator, photo: np.ndarray, side: int) -> np.ndarray:
    length = int(rng.uniform(0.25, 1.0) * min(photo.shape[:2]))
    y = rng.integers(photo.shape[0] - length + 1)
    x = rng.integers(photo.shape[1] - length + 1)
    piece = np.rot90(photo[y : y + length, x : x + length], k=int(rng.integers(4)))
    return cv2.resize(np.ascontiguousarray(piece), (side, side), interpolation=cv2.INTER_AREA)


def _fractal(rng: np.random.Generator, side: int) -> np.ndarray:
    """Noise of several octaves, stretched along one axis now and then."""
    total = np.zeros((side, side, 3), np.float32)
    cells, weight = int(rng.integers(2, 7)), 1.0
    aspect = rng.choice([1, 1, 1, 3])
    decay = rng.uniform(0.35, 0.85)
    while cells < side / 2:
        octave = rng.random((cells + 1, cells * aspect + 1, 3), dtype=np.float32) - 0.5
        total += weight * cv2.resize(octave, (side, side), interpolation=cv2.INTER_LINEAR)
        cells, weight = cells * int(rng.integers(2, 5)), weight * decay
    tint = _tint(rng) * rng.uniform(120, 300)
    tinted = cv2.transform(total, np.hstack([tint, _colours(rng).T]).astype(np.float32))
    return np.clip(tinted, 0, 255).astype(np.uint8)


def _plain(rng: np.random.Generator, side: int) -> np.ndarray:
    """One colour with a smooth gradient and faint grain."""
    corners = _colours(rng) + rng.normal(0, 20, (2, 2, 3))
    smooth = cv2.resize(corners.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    grain = rng.standard_normal((side, side, 1), np.float32) * np.float32(rng.uniform(0, 6))
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def _stripes(rng: np.random.Generator, side: int) -> np.ndarray:
    """Two colours in stripes or checks, slightly wavy."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    angle_rad, periods = rng.uniform(0, np.pi), rng.uniform(2, 14)
    cos, sin = (np.float32(2 * np.pi * periods / side * v) for v in _direction(angle_rad))
    along, across = cos * x + sin * y, cos * y - sin * x
    wave = np.sin(along + np.float32(rng.normal(0, 1)) * np.sin(across * np.float32(0.16)))
    if rng.random() < 0.4:
        wave *= np.sin(across)
    weight = np.clip(wave * rng.uniform(1, 8) * 0.5 + 0.5, 0, 1)
    return blend(_plain(rng, side), _plain(rng, side), weight)


def _spots(rng: np.random.Generator, side: int) -> np.ndarray:
    """Discs of a few colours on another texture."""
    canvas = _plain(rng, side) if rng.random() < 0.5 else _fractal(rng, side)
    colours = np.clip(_colours(rng, 3), 0, 255).astype(int)
    radius_px = side * rng.uniform(0.01, 0.06)
    for _ in range(int(rng.integers(10, 60))):
        centre = rng.integers(0, side, 2).tolist()
        radius = max(int(radius_px * rng.uniform(0.5, 1.5)), 1)
        colour = colours[rng.integers(3)].tolist()
        cv2.circle(canvas, centre, radius, colour, -1, cv2.LINE_AA)
    return canvas


def _blob(rng: np.random.Generator, side: int) -> np.ndarray:
    """A closed curve whose radius is a short Fourier series."""
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    orders = np.arange(1, int(rng.integers(3, 8)))
    waves = np.cos(orders[:, None] * angle + rng.uniform(0, 2 * np.pi, (len(orders), 1)))
    radius = 1 + (rng.normal(0, 0.4, len(orders)) / orders) @ waves
    radius = np.clip(radius, 0.25, 2.2)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle) * rng.uniform(0.35, 1)], 1)
    return _filled(_turned(rng, points), side)


def _rounded_box(rng: np.random.Generator, side: int) -> np.ndarray:
    """A superellipse of exponent 4."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    points = np.stack([np.sign(cos) * abs(cos) ** 0.5, np.sign(sin) * abs(sin) ** 0.5], 1)
    return _filled(_turned(rng, points * (1, rng.uniform(0.3, 1))), side)


def _polygon(rng: np.random.Generator, side: int) -> np.ndarray:
    angle = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
    radius = rng.uniform(0.5, 1, len(angle))
    return _filled(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), side)


def _bar(rng: np.random.Generator, side: int) -> np.ndarray:
    """A limb: long, thin, thicker at one end."""
    thick, thin = rng.uniform(0.1, 0.3), rng.uniform(0.05, 0.2)
    points = np.array([(-1, -thick), (1, -thin), (1.05, 0), (1, thin), (-1, thick), (-1.05, 0)])
    return _filled(_turned(rng, points), side)


def _ring(rng: np.random.Generator, side: int) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    thickness = max(int(side * rng.uniform(0.03, 0.1)), 2)
    radius = max(side // 2 - thickness - 2, 1)
    axes = (radius, int(radius * rng.uniform(0.5, 1)))
    cv2.ellipse(mask, (side // 2, side // 2), axes, 0, 0, 360, 255, thickness, cv2.LINE_AA)
    return mask


def _direction(angle_rad: float) -> tuple[float, float]:
    return math.cos(angle_rad), math.sin(angle_rad)


def _turned(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    cos, sin = _direction(rng.uniform(0, 2 * np.pi))
    return points @ np.array([[cos, sin], [-sin, cos]])


def _filled(points: np.ndarray, side: int) -> np.ndarray:
    """The polygon scaled to fill a mask of `side`, three pixels from its border."""
    low, high = points.min(0), points.max(0)
    scale = (side - 7) / max((high - low).max(), 1e-6)
    placed = (points - (low + high) / 2) * scale + (side - 1) / 2
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(placed * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return mask


def _colours(rng: np.random.Generator, count: int = 1) -> np.ndarray:
    """(count, 3) colours: any brightness, mostly muted."""
    return rng.uniform(30, 225, (count, 1)) + rng.normal(0, rng.uniform(3, 45), (count, 3))


def _tint(rng: np.random.Generator) -> np.ndarray:
    """(3, 3) mixing of noise channels: mostly one shared brightness, some colour."""
    colour = rng.uniform(0, 0.35)
    mixed = (1 - colour) * np.ones((3, 3)) / 1.7 + colour * rng.normal(0, 1, (3, 3))
    return mixed


def _as_rgb(image: np.ndarray) -> np.ndarray:
    rgb = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.ndim == 2 else image[..., :3]
    scale = min(_LONG_SIDE_PX / max(rgb.shape[:2]), 1.0)
    size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
    return cv2.resize(np.ascontiguousarray(rgb), size, interpolation=cv2.INTER_AREA)
