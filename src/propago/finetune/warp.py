"""Affine augmentation of an annotated frame: one map for the image and its labels."""

from dataclasses import dataclass

import cv2
import numpy as np

from propago.errors import MaskError, ShapeError, UsageError
from propago.types import VOID


@dataclass(frozen=True)
class WarpSettings:
    """Ranges that a warp is drawn from, uniformly.

    The defaults are those of the code that was released with Cheng et al. 2017, whose own
    augmentation moved image and label apart; here they stay together.

    Attributes:
        shift: largest shift along each axis, as a share of the width and the height.
        rotation_deg: largest turn to either side.
        scale: largest change of size to either side; below 1.
        flip: how often left and right are swapped, in [0, 1].
    """

    shift: float = 0.1
    rotation_deg: float = 5.0
    scale: float = 0.05
    flip: float = 0.5

    def __post_init__(self) -> None:
        """Refuse ranges that make no picture.

        Raises:
            UsageError: a range is negative, or too large.
        """
        if min(self.shift, self.rotation_deg) < 0 or not 0 <= self.scale < 1:
            raise UsageError(f"{self}: shift and rotation_deg are at least 0, scale in [0, 1)")
        if not 0 <= self.flip <= 1:
            raise UsageError(f"{self}: flip is a probability, in [0, 1]")


def draw_warp(
    rng: np.random.Generator, size: tuple[int, int], settings: WarpSettings
) -> np.ndarray:
    """(2, 3) affine map of pixel coordinates (x, y): where each pixel of a picture goes.

    It turns and scales about the middle of the picture of `size` (H, W).
    """
    height, width = size
    angle_rad = np.deg2rad(rng.uniform(-1, 1) * settings.rotation_deg)
    scale = 1 + rng.uniform(-1, 1) * settings.scale
    shift = rng.uniform(-1, 1, 2) * settings.shift * (width, height)
    mirror = np.diag([-1.0, 1.0]) if rng.random() < settings.flip else np.eye(2)
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    turn = scale * np.array([[cos, -sin], [sin, cos]]) @ mirror
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([turn, middle + shift - turn @ middle])


def warp_pair(
    rng: np.random.Generator, image: np.ndarray, labels: np.ndarray, settings: WarpSettings
) -> tuple[np.ndarray, np.ndarray]:
    """An image and its labels, moved together by one map drawn from `settings`.

    What comes from outside the picture is mirrored in at its border in the image, and void in the
    labels: nobody knows what is there.

    Args:
        rng: source of chance.
        image: (H, W, 3) uint8 RGB; bilinear.
        labels: (H, W) uint8, 255 void; nearest. `AnnotatedFrame.rows` makes one of a uint16 map, in
            which 255 would be an object.
        settings: ranges.

    Returns:
        Image and labels of the same sizes and types.

    Raises:
        ShapeError: image and labels differ in size.
        MaskError: the labels are not uint8.
    """
    if image.shape != (*labels.shape, 3):
        raise ShapeError(
            f"an image is (H, W, 3) and its labels (H, W); these are {image.shape} and "
            f"{labels.shape}"
        )
    if labels.dtype != np.uint8:
        raise MaskError(
            f"labels to warp are uint8 (`AnnotatedFrame.rows`); these are {labels.dtype}"
        )
    height, width = labels.shape
    placed = draw_warp(rng, (height, width), settings)
    moved = cv2.warpAffine(
        image, placed, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    rows = cv2.warpAffine(
        labels,
        placed,
        (width, height),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=VOID,
    )
    return moved, rows


MOTION = WarpSettings(shift=0.08, rotation_deg=12.0, scale=0.12, flip=0.0)
"""From one frame of a clip to the next: no flip, which no camera does."""


def warped_clip(
    rng: np.random.Generator, image: np.ndarray, labels: np.ndarray, frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """A clip of an annotated picture, itself or its mirror image, and copies warped by `MOTION`.

    Args:
        rng: source of chance.
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8, 255 void.
        frames: how many, with the first, which is not warped.

    Returns:
        Images (T, H, W, 3) and labels (T, H, W); each copy is one of the first frame.
    """
    if rng.random() < 0.5:
        image, labels = image[:, ::-1].copy(), labels[:, ::-1].copy()
    pairs = [(image, labels)]
    pairs += [warp_pair(rng, image, labels, MOTION) for _ in range(frames - 1)]
    images, maps = zip(*pairs, strict=True)
    return np.stack(images), np.stack(maps)
