"""What stands behind the demo scene: sky, hills, trees and a meadow with a road, painted once.

Each piece is wider than the frame, so that the camera can pan; pieces farther away move less.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from propago.data.layers import composite

HORIZON = 0.5
"""Row of the horizon, in frame heights."""

ROAD = (0.66, 0.8)
"""Rows between which the road runs, in frame heights."""

_SKY_PARALLAX, _TREES_PARALLAX = 0.12, 0.5
_SKY_TOP, _SKY_LOW = (74, 140, 208), (250, 226, 190)
_FAR_HILL, _NEAR_HILL = (128, 150, 184), (104, 142, 120)
_GRASS_FAR, _GRASS_NEAR = (158, 176, 92), (78, 122, 48)
_DIRT_FAR, _DIRT_NEAR = (214, 190, 150), (186, 152, 108)


@dataclass(frozen=True)
class Scenery:
    """Everything that does not move by itself; each piece is wider than a frame.

    Attributes:
        sky: (h, w, 3) uint8, from the top to the horizon, far hills included.
        trees: (h, w, 4) uint8, the near hills and the trees before them.
        trees_top_px: where the upper edge of `trees` stands in the frame.
        ground: (h, w, 3) uint8, from the horizon down.
        size: (H, W) of a frame.
    """

    sky: np.ndarray
    trees: np.ndarray
    trees_top_px: int
    ground: np.ndarray
    size: tuple[int, int]

    def draw(self, image: np.ndarray, pan_px: float) -> None:
        """Fill an (H, W, 3) uint8 image as seen `pan_px` to the right of the middle."""
        h, w = self.size
        horizon = self.sky.shape[0]
        image[:horizon] = _panned(self.sky, -_SKY_PARALLAX * pan_px, w)
        lean = -ground_shift(1.0, pan_px, self.size) / max(h - horizon, 1)
        image[horizon:] = _sheared(self.ground, lean, w)
        top, low = self.trees_top_px, min(self.trees_top_px + self.trees.shape[0], h)
        trees = _panned(self.trees, -_TREES_PARALLAX * pan_px, w)[: low - top]
        composite(image, (0, top, w, low), trees)


def ground_shift(row: float, pan_px: float, size: tuple[int, int]) -> float:
    """Pixels the ground at a row (in frame heights) moves left for a pan; 0 at the horizon."""
    return pan_px * (row - HORIZON) / (1 - HORIZON) * 1.6


def paint_scenery(rng: np.random.Generator, size: tuple[int, int]) -> Scenery:
    """A summer evening: the weather, the hills and the trees are drawn from `rng`."""
    h, w = size
    wide = int(1.5 * w)
    horizon = round(HORIZON * h)
    sky = _sky(rng, (horizon, wide))
    far = _ridge(rng, (round(0.22 * h), wide), _FAR_HILL, 0.9)
    composite(sky, (0, horizon - far.shape[0], wide, horizon), far)
    trees = _trees(rng, (round(0.34 * h), int(1.6 * w)))
    near = _ridge(rng, (round(0.13 * h), trees.shape[1]), _NEAR_HILL, 0.7)
    foot = round(0.27 * h)
    behind = np.zeros_like(trees)
    behind[foot - near.shape[0] : foot] = near
    return Scenery(sky, _over(trees, behind), horizon - foot, _ground(rng, size), size)


def _sky(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A gradient with a glow where the sun stands, and streaks of cloud."""
    h, w = shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    down = (y / h)[..., None]
    sky = (1 - down**1.3) * _row(_SKY_TOP) + down**1.3 * _row(_SKY_LOW)
    distance = np.hypot(x - 0.3 * w, (y - 0.45 * h) * 1.2) / h
    sky += np.exp(-((distance / 0.5) ** 2))[..., None] * _row((60, 44, 6))
    sky += np.exp(-((distance / 0.1) ** 4))[..., None] * _row((90, 90, 90))
    noise = _octaves(rng, (h, w), (3, 7))
    cloud = np.clip((noise - 0.08) * 2.4, 0, 0.85)[..., None] * (1 - 0.55 * down)
    lit = np.clip(0.9 - 0.6 * np.roll(noise, -h // 16, 0) + 0.6 * noise, 0.8, 1)[..., None]
    return _bytes(sky * (1 - cloud) + cloud * lit * _row((255, 248, 240)))


def _ridge(
    rng: np.random.Generator, shape: tuple[int, int], colour: tuple[int, ...], rough: float
) -> np.ndarray:
    """Hills against the sky, paler towards their foot."""
    h, w = shape
    profile = _octaves(rng, (1, w), (1, 5))[0]
    profile = (profile - profile.min()) / max(float(np.ptp(profile)), 1e-6)
    top = (1 - (0.25 + 0.7 * profile)) * (h - 4) + 2
    rows = np.arange(h, dtype=np.float32)[:, None]
    coverage = np.clip(rows - top + 0.5, 0, 1) * 255
    relief = _octaves(rng, (h, w), (6, 30))[..., None] * 34 * rough
    haze = (rows / h)[..., None] ** 2 * 0.45
    body = (_row(colour) + relief) * (1 - haze) + haze * _row((236, 224, 200))
    return _closed(body, coverage)


def _trees(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A loose row of round trees and bushes at the near edge of the hills."""
    h, w = shape
    canvas = np.zeros((h, w, 3), np.uint8)
    coverage = np.zeros((h, w), np.uint8)
    foot = int(0.8 * h)
    x = rng.uniform(0, 0.04) * w
    while x < w:
        tall = h * float(rng.choice([0.16, 0.3, 0.45, 0.66])) * rng.uniform(0.8, 1.1)
        _tree(rng, canvas, coverage, (x, foot + rng.uniform(0, 0.03) * h), tall)
        x += tall * rng.uniform(0.5, 1.3) + w * float(rng.choice([0.0, 0.0, 0.05]))
    return _closed(canvas, coverage)


def _tree(
    rng: np.random.Generator,
    canvas: np.ndarray,
    coverage: np.ndarray,
    foot_px: tuple[float, float],
    tall_px: float,
) -> None:
    """Trunk and leaves, lighter towards the upper left."""
    x, y = foot_px
    if tall_px > 0.25 * canvas.shape[0]:
        trunk = (int(x), int(y)), (int(x), int(y - 0.5 * tall_px))
        for picture, value in ((canvas, (86, 66, 50)), (coverage, 255)):
            cv2.line(picture, *trunk, value, max(int(tall_px * 0.07), 2), cv2.LINE_AA)
    base = np.array([70, 104, 56]) + rng.normal(0, 9, 3)
    middle = np.array([x, y - 0.6 * tall_px])
    leaves = 150
    angles, spread = rng.uniform(0, 2 * np.pi, leaves), np.sqrt(rng.uniform(0, 1, leaves))
    offsets = np.stack([np.cos(angles) * 0.34, np.sin(angles) * 0.36], 1) * spread[:, None]
    light = offsets @ np.array([-0.9, -1.3]) + rng.normal(0, 0.12, leaves)
    for k in np.argsort(light):
        centre = np.round((middle + offsets[k] * tall_px) * 16).astype(int).tolist()
        radius = int(tall_px * rng.uniform(0.05, 0.1) * 16)
        colour = np.clip(base * (1 + 0.75 * light[k]) + light[k] * 16, 0, 255).tolist()
        cv2.circle(canvas, centre, radius, colour, -1, cv2.LINE_AA, 4)
        cv2.circle(coverage, centre, radius, 255, -1, cv2.LINE_AA, 4)


def _ground(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """A meadow seen at a low angle, with a dirt road across it and blades of grass."""
    h, w = size[0] - round(HORIZON * size[0]), int(2.0 * size[1])
    rows = ((np.arange(h, dtype=np.float32) + 0.5) / h)[:, None]
    near = rows[..., None]
    grass = (1 - near) * _row(_GRASS_FAR) + near * _row(_GRASS_NEAR)
    grass = grass + _in_perspective(_octaves(rng, (h, w), (4, 14)), rows)[..., None] * _row(
        (50, 44, 24)
    )
    dirt = (1 - near) * _row(_DIRT_FAR) + near * _row(_DIRT_NEAR)
    dirt = dirt + _octaves(rng, (h, w), (40, 160))[..., None] * 22
    edge = _in_perspective(_octaves(rng, (h, w), (10, 40)), rows) * 0.035
    top, low = ((row - HORIZON) / (1 - HORIZON) for row in ROAD)
    road = np.clip((rows + edge - top) * h / 3, 0, 1) * np.clip((low - rows - edge) * h / 4, 0, 1)
    for rut in (0.32, 0.7):
        depth = np.exp(-(((rows - top - rut * (low - top)) / (0.09 * (low - top))) ** 2))
        dirt = dirt - depth[..., None] * 26
    ground = _bytes(grass * (1 - road[..., None]) + dirt * road[..., None])
    _grow_grass(rng, ground, road)
    return ground


def _grow_grass(rng: np.random.Generator, ground: np.ndarray, road: np.ndarray) -> None:
    """Blades and a few flowers off the road, larger towards the viewer."""
    h, w = road.shape
    count = int(h * w / 45)
    depth = np.sort(rng.uniform(0.02, 1, count) ** 0.8)
    columns = rng.integers(0, w, count)
    for y, x in zip((depth * (h - 1)).astype(int), columns, strict=True):
        if road[y, x] > 0.3:
            continue
        blade = (1.5 + 11 * y / h) * h / 240 * rng.uniform(0.6, 1.2)
        tint = ground[y, x] * rng.uniform(0.72, 1.26)
        lean = rng.normal(0, 0.4) * blade
        tip = (int(x + lean), int(y - blade))
        cv2.line(ground, (int(x), int(y)), tip, np.clip(tint, 0, 255).tolist(), 1, cv2.LINE_AA)
        if rng.random() < 0.008 and y > 0.12 * h:
            petal = [(248, 240, 230), (250, 206, 70), (226, 96, 84)][int(rng.integers(3))]
            cv2.circle(ground, tip, max(round(blade / 5), 1), petal, -1, cv2.LINE_AA)


def _in_perspective(texture: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """A (h, w) pattern squeezed towards the horizon; `rows` (h, 1) run from 0 there to 1."""
    h, w = texture.shape
    source = (np.log(rows + 0.06) - np.log(0.06)) / (np.log(1.06) - np.log(0.06)) * (h - 1)
    columns = (np.arange(w, dtype=np.float32)[None, :] - w / 2) / (
        0.35 + 0.65 * rows
    ) * 0.35 + w / 2
    map_y = np.broadcast_to(source.astype(np.float32), (h, w))
    return cv2.remap(texture, columns.astype(np.float32), map_y.copy(), cv2.INTER_LINEAR)


def _octaves(
    rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]
) -> np.ndarray:
    """(h, w) float32 smooth noise about 0; `cells` down and across in its coarsest octave."""
    total = np.zeros(shape, np.float32)
    down, across, weight = *cells, 1.0
    while across < shape[1] / 2:
        coarse = rng.uniform(-0.5, 0.5, (down + 1, across + 1)).astype(np.float32)
        total += weight * cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
        down, across, weight = down * 2, across * 2, weight * 0.5
    return total


def _panned(picture: np.ndarray, shift_px: float, width_px: int) -> np.ndarray:
    """The middle of a picture, moved right by `shift_px`, between pixels where need be."""
    start = (picture.shape[1] - width_px) / 2 - shift_px
    whole = int(start)
    left, right = (picture[:, x : x + width_px] for x in (whole, whole + 1))
    return cv2.addWeighted(left, 1 - (start - whole), right, start - whole, 0)


def _sheared(picture: np.ndarray, lean: float, width_px: int) -> np.ndarray:
    """The middle of a picture, each row moved right by `lean` pixels more than the one above."""
    matrix = np.array([[1, lean, (width_px - picture.shape[1]) / 2], [0, 1, 0]])
    size = (width_px, picture.shape[0])
    return cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT_101)


def _over(front: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Two (h, w, 4) cut-outs laid over each other."""
    weight = front[..., 3:] * np.float32(1 / 255)
    colour = front[..., :3] * weight + behind[..., :3] * (1 - weight)
    return np.dstack([_bytes(colour), np.maximum(front[..., 3], behind[..., 3])])


def _row(colour: tuple[int, ...]) -> np.ndarray:
    return np.array(colour, np.float32)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture, 0, 255).astype(np.uint8)


def _closed(colour: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """(h, w, 4) uint8 whose coverage starts at 0 on the first row."""
    rgba = np.dstack([_bytes(colour), _bytes(coverage)])
    rgba[0, :, 3] = 0
    return rgba
