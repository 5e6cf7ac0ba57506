"""A tiny clip for tests: textured squares that drift over a textured ground, with exact masks."""

import cv2
import numpy as np
import torch

from propago.types import Frame

SPEEDS = ((2, 1), (-1, 2), (1, -2))


def tiny_clip(
    frames: int, size: tuple[int, int] = (48, 64), ids: tuple[int, ...] = (1,), seed: int = 0
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """RGB pictures (H, W, 3) uint8 and label maps (H, W) uint8, `frames` of each."""
    rng = np.random.default_rng(seed)
    ground = _texture(rng, size, (40, 90))
    side = min(size) // 4
    patches = [_texture(rng, (side, side), (150 + 20 * k, 250)) for k in range(len(ids))]
    images, labels = [], []
    for t in range(frames):
        image, label = ground.copy(), np.zeros(size, np.uint8)
        for k, object_id in enumerate(ids):
            y, x = (
                _bounce(size[a] // 5 + k * side + t * SPEEDS[k][a], size[a] - side) for a in (0, 1)
            )
            image[y : y + side, x : x + side] = patches[k]
            label[y : y + side, x : x + side] = object_id
        images.append(image)
        labels.append(label)
    return images, labels


def as_frames(images: list[np.ndarray]) -> list[Frame]:
    """The pictures as `Frame`s named by their index."""
    return [
        Frame(torch.from_numpy(image).permute(2, 0, 1).float() / 255, t, f"{t:05d}")
        for t, image in enumerate(images)
    ]


def _bounce(position: int, limit: int) -> int:
    position %= 2 * limit
    return position if position <= limit else 2 * limit - position


def _texture(rng: np.random.Generator, size: tuple[int, int], tones: tuple[int, int]) -> np.ndarray:
    coarse = rng.integers(*tones, (max(size[0] // 4, 2), max(size[1] // 4, 2), 3), dtype=np.uint8)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_LINEAR)
