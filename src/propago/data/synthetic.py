"""Clips rendered on the fly: textured bodies that move, bend, swing limbs and hide one another."""

import cv2
import numpy as np

from propago.data.augment import blend, degrade, jitter_colours, relight
from propago.data.clips import Clip
from propago.data.layers import Layer, Part, render
from propago.data.motion import Path, affine, draw_bend, draw_path, draw_speed
from propago.data.objects import number_objects, visible_objects
from propago.data.sources import DataSource
from propago.data.task import Dataset
from propago.data.textures import draw_outline, draw_texture
from propago.errors import UsageError

_CANVAS = 1.7
_ATTEMPTS = 20


class SyntheticClips:
    """Clips of textured bodies over a moving background; every mask is exact.

    Bodies are one to four parts that share a texture or not; among them move unlabelled
    distractors, some cut from the same texture, and what stands in front hides what is behind.
    """

    def __init__(self, *, size: tuple[int, int], frames: int, max_objects: int = 3) -> None:
        """Render clips of `size` (H, W) and `frames` frames.

        Args:
            size: (H, W) in pixels.
            frames: T.
            max_objects: largest number of labelled objects.

        Raises:
            UsageError: a size below 32 pixels, or fewer than one frame or object.
        """
        if min(size) < 32 or frames < 1 or max_objects < 1:
            raise UsageError(
                f"synthetic clips need size >= (32, 32), frames >= 1, max_objects >= 1; "
                f"these are {size}, {frames}, {max_objects}"
            )
        self._size, self._frames, self._max_objects = size, frames, max_objects

    def sample(self, rng: np.random.Generator) -> Clip:
        """One clip, whose first frame shows at least one object."""
        for _ in range(_ATTEMPTS):
            images, labels = self._render(rng)
            if visible_objects(labels[0]):
                images = degrade(rng, jitter_colours(rng, images))
                return Clip(images, number_objects(rng, labels, self._max_objects))
        raise UsageError(f"no visible object in {_ATTEMPTS} clips of size {self._size}")

    def _render(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        h, w = self._size
        canvas = _draw_background(rng, int(_CANVAS * max(h, w)))
        camera = _draw_camera(rng, self._size)
        layers = _draw_layers(rng, self._size, int(rng.integers(1, self._max_objects + 1)))
        light = _draw_light(rng)
        images, labels = render((self._frames, h, w), canvas, camera, layers)
        for t, image in enumerate(images):
            _shine(image, light, t)
        return images, labels


class Rendered(DataSource):
    """Clips rendered on the fly, as a source."""

    title = "rendered clips"

    def clips(self, size: tuple[int, int], frames: int, max_objects: int) -> Dataset:
        """Clips."""
        return SyntheticClips(size=size, frames=frames, max_objects=max_objects)

    def pictures(self, size: tuple[int, int], max_objects: int) -> Dataset:
        """Clips of one frame."""
        return SyntheticClips(size=size, frames=1, max_objects=max_objects)


def rendered(_: object) -> Rendered:
    """Rendered clips, which need no folder."""
    return Rendered()


def _draw_background(rng: np.random.Generator, side: int) -> np.ndarray:
    """A (side, side, 3) canvas: two materials, and clutter that stands still."""
    canvas = draw_texture(rng, side)
    if rng.random() < 0.5:
        horizon = int(side * rng.uniform(0.25, 0.75))
        canvas[horizon:] = draw_texture(rng, side)[horizon:]
    for _ in range(int(rng.integers(0, 7))):
        size = int(side * rng.uniform(0.05, 0.3))
        y, x = rng.integers(0, side - size, 2)
        alpha = draw_outline(rng, size).astype(np.float32) / 255
        below = canvas[y : y + size, x : x + size]
        below[:] = blend(draw_texture(rng, size), below, alpha)
    return canvas


def _draw_camera(rng: np.random.Generator, size: tuple[int, int]) -> Path:
    """A view that pans, turns and zooms a little, as matrices from the scene to the frame."""
    start = np.array([size[1] / 2, size[0] / 2, rng.normal(0, 0.15), rng.uniform(-0.1, 0.25)])
    speed_px = rng.choice([0.0, 0.005, 0.02]) * max(size) * rng.uniform(0.3, 1)
    return draw_path(rng, start, speed_px, spin=rng.choice([0.0, 0.003, 0.015]))


def _draw_layers(rng: np.random.Generator, size: tuple[int, int], objects: int) -> list[Layer]:
    """Labelled bodies 1..K and unlabelled distractors, in random order from back to front."""
    distractors = int(rng.choice(4, p=[0.4, 0.3, 0.2, 0.1]))
    textures: list[np.ndarray] = []
    layers = []
    for label in [*range(1, objects + 1), *[0] * distractors]:
        side = int(min(size) * np.exp(rng.uniform(np.log(0.22), np.log(1.0))))
        if textures and rng.random() < 0.35:
            texture = cv2.resize(textures[rng.integers(len(textures))], (side, side))
        else:
            texture = draw_texture(rng, side)
        textures.append(texture)
        layers.append(_draw_body(rng, size, texture, label))
    rng.shuffle(layers)
    return layers


def _draw_body(
    rng: np.random.Generator, size: tuple[int, int], texture: np.ndarray, label: int
) -> Layer:
    side = texture.shape[0]
    parts = [Part(_cut_out(rng, texture), np.eye(3))]
    for _ in range(int(rng.choice(4, p=[0.35, 0.25, 0.2, 0.2]))):
        parts.append(_draw_limb(rng, texture))
    rng.shuffle(parts)
    place = rng.uniform(-0.36, 0.36, 2) * (size[1], size[0])
    start = np.array([*place, rng.normal(0, 0.5), rng.uniform(-0.2, 0.2)])
    path = draw_path(rng, start, draw_speed(rng, size), spin=0.04)
    strength = rng.choice([0.0, 0.015, 0.035])
    dx, dy = 0.6 * path.drift[:2] if rng.random() < 0.25 else (0.0, 0.0)
    return Layer(
        parts=tuple(parts),
        path=path,
        label=label,
        bend=draw_bend(rng, side, strength) if strength else None,
        shadow=rng.uniform(0.2, 0.6) if rng.random() < 0.3 else 0.0,
        blur_px=(dx, dy),
    )


def _draw_limb(rng: np.random.Generator, texture: np.ndarray) -> Part:
    """A smaller part at the edge of the body that swings about its inner end."""
    body_side = texture.shape[0]
    side = max(int(body_side * rng.uniform(0.3, 0.7)), 12)
    piece = draw_texture(rng, side) if rng.random() < 0.5 else cv2.resize(texture, (side, side))
    around = rng.uniform(0, 2 * np.pi)
    reach = body_side * rng.uniform(0.25, 0.5)
    offset = affine(reach * np.cos(around), reach * np.sin(around), rng.uniform(0, 2 * np.pi))
    inner = -np.array([np.cos(around), np.sin(around)]) * side * 0.35
    return Part(
        _cut_out(rng, piece),
        offset,
        joint_px=(float(inner[0]), float(inner[1])),
        swing_rad=abs(rng.normal(0, 0.5)),
        rate=rng.uniform(0.2, 1.2),
        phase=rng.uniform(0, 2 * np.pi),
    )


def _cut_out(rng: np.random.Generator, texture: np.ndarray) -> np.ndarray:
    """(S, S, 4): the texture within a random outline, shaded as if round or lit from one side."""
    side = texture.shape[0]
    coverage = draw_outline(rng, side)
    if rng.random() < 0.6:
        width = (side // 4) | 1
        depth = cv2.blur(cv2.blur(coverage, (width, width)), (width, width)) * np.float32(1 / 255)
        slope = np.linspace(-1, 1, side, dtype=np.float32)
        light = slope[:, None] * rng.normal(0, 0.2) + slope[None, :] * rng.normal(0, 0.2)
        gain = np.clip(0.65 + 0.45 * depth + light, 0, 2)
        texture = relight(texture, gain)
    return np.dstack([texture, coverage])


def _draw_light(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
    """Two coarse brightness fields to fade between; None for even light."""
    if rng.random() < 0.5:
        return None
    strength = rng.uniform(0.05, 0.3)
    first, second = np.exp(rng.normal(0, strength, (2, 4, 4))).astype(np.float32)
    return first, second


def _shine(image: np.ndarray, light: tuple[np.ndarray, np.ndarray] | None, t: float) -> None:
    if light is None:
        return
    fade = 0.5 + 0.5 * np.sin(0.25 * t)
    coarse = ((1 - fade) * light[0] + fade * light[1]).astype(np.float32)
    gain = cv2.resize(coarse, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    image[:] = relight(image, gain)
