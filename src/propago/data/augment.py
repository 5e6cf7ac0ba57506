"""What a camera does to a clip: colours, light that flickers, noise, defocus, compression.

Every function takes and returns (T, H, W, 3) uint8 RGB, works on 8-bit values throughout (a few
tenths of a millisecond a 224 x 224 frame) and leaves the geometry alone, so labels stay aligned.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class ColourMap:
    """A change of colours that is the same for every pixel.

    Attributes:
        matrix: (3, 4) affine map of RGB in 0..255.
        curve: (256,) uint8 tone curve, applied after the matrix.
    """

    matrix: np.ndarray
    curve: np.ndarray

    def __call__(self, image: np.ndarray, gain: float = 1.0) -> np.ndarray:
        """The recoloured image.

        Args:
            image: (H, W, 3) uint8 RGB.
            gain: brightness factor of this frame alone, for flicker.
        """
        return cv2.LUT(cv2.transform(image, self.matrix * gain), self.curve)


def draw_colour_map(rng: np.random.Generator, strength: float = 1.0) -> ColourMap:
    """A random colour map: white balance, hue, saturation, contrast, brightness, gamma, rare grey.

    Args:
        rng: source of chance.
        strength: 1 is the range of ordinary footage; larger for textures.
    """
    hue_rad = rng.normal(0, 0.12 * strength) if rng.random() < 0.95 else rng.uniform(-1.5, 1.5)
    saturation = 0.0 if rng.random() < 0.03 else float(np.exp(rng.normal(-0.05, 0.2 * strength)))
    contrast = float(np.exp(rng.normal(0, 0.15 * strength)))
    offset = rng.normal(0, 14 * strength)
    gains = np.exp(rng.normal(0, 0.05 * strength, 3))
    rotated = _hue_rotation(hue_rad)
    saturated = saturation * np.eye(3) + (1 - saturation) * _LUMA[None, :]
    linear = contrast * saturated @ rotated @ np.diag(gains)
    shift = np.full((3, 1), 128 * (1 - contrast) + offset)
    gamma = float(np.exp(rng.normal(0, 0.15 * strength)))
    curve = (255 * (np.arange(256) / 255) ** gamma).round().astype(np.uint8)
    return ColourMap(np.hstack([linear, shift]).astype(np.float32), curve)


def jitter_colours(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """One colour map for the whole clip, with a slight flicker from frame to frame."""
    colours = draw_colour_map(rng)
    flicker = 1 + rng.normal(0, rng.choice([0.0, 0.01, 0.03]), len(images))
    return np.stack([colours(image, float(g)) for image, g in zip(images, flicker, strict=True)])


def degrade(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """Sensor noise, defocus or JPEG compression, each on some clips only."""
    if rng.random() < 0.2:
        sigma_px = rng.uniform(0.5, 1.4)
        images = np.stack([cv2.GaussianBlur(image, (0, 0), sigma_px) for image in images])
    if rng.random() < 0.5:
        images = add_noise(rng, images, sigma=rng.uniform(0.5, 8.0))
    if rng.random() < 0.3:
        images = compress(images, quality=int(rng.integers(25, 90)))
    return images


def add_noise(rng: np.random.Generator, images: np.ndarray, sigma: float) -> np.ndarray:
    """Add Gaussian noise of standard deviation `sigma` (8-bit values), cut from a fixed table."""
    table = _noise_table()
    h, w = images.shape[1:3]
    tiles = (-(-h // 512) + 1, -(-w // 512) + 1)
    scaled = np.tile((table * sigma).astype(np.int16), (*tiles, 1))
    noisy = np.empty_like(images)
    for image, out in zip(images, noisy, strict=True):
        y, x = rng.integers(512, size=2)
        cv2.add(image, scaled[y : y + h, x : x + w], dst=out, dtype=cv2.CV_8U)
    return noisy


def compress(images: np.ndarray, quality: int) -> np.ndarray:
    """What is left of the images after JPEG at `quality` (1..100)."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    decoded = np.empty_like(images)
    for image, out in zip(images, decoded, strict=True):
        out[:] = cv2.imdecode(cv2.imencode(".jpg", image, options)[1], cv2.IMREAD_COLOR)
    return decoded


def blend(over: np.ndarray, under: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`over` where `weight` is 1, `under` where it is 0.

    Args:
        over: (H, W, 3) uint8.
        under: (H, W, 3) uint8.
        weight: (H, W) in [0, 1].
    """
    weight = weight.astype(np.float32)
    return cv2.blendLinear(over, under, weight, 1 - weight)


def relight(image: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """An (H, W, 3) uint8 image with each pixel's brightness times `gain` (H, W)."""
    gain = gain.astype(np.float32)
    return cv2.multiply(image, cv2.merge([gain, gain, gain]), dtype=cv2.CV_8U)


@lru_cache(maxsize=1)
def _noise_table() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(512, 512, 3)).astype(np.float32)


def _hue_rotation(angle_rad: float) -> np.ndarray:
    """(3, 3) rotation of RGB about the grey axis (Rodrigues' formula)."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
    return cos * np.eye(3) + sin * cross + (1 - cos) / 3 * np.ones((3, 3))
