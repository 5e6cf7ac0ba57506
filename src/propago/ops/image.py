"""Pictures as people have them, and as networks see them."""

import cv2
import numpy as np
import torch
from torch import Tensor

from propago.errors import ShapeError
from propago.types import Frame

Picture = Frame | Tensor | np.ndarray
"""A frame, a (3, H, W) tensor in [0, 1], or an (H, W, 3) uint8 RGB array."""


def image_from_rgb(rgb: np.ndarray, contrast: tuple[float, float] = (0.0, 255.0)) -> Tensor:
    """(H, W, 3) numbers of any type as a (3, H, W) float32 tensor.

    The first value of `contrast` and what is below become 0, the second and what is above 1.
    """
    low, high = contrast
    plain = rgb.dtype == np.uint8
    planes = np.ascontiguousarray(rgb) if plain else np.nan_to_num(rgb.astype(np.float32))
    image = np.empty((3, *rgb.shape[:2]), np.float32)
    for channel, plane in enumerate(cv2.split(planes)):
        np.subtract(plane, low, out=image[channel], dtype=np.float32)
    image *= np.float32(1.0 / (high - low))
    within = plain and low <= 0 and high >= 255
    return torch.from_numpy(image if within else image.clip(0.0, 1.0, out=image))


def image_to_rgb(image: Tensor) -> np.ndarray:
    """(H, W, 3) uint8 picture of a (3, H, W) image in [0, 1]."""
    planes = image.numpy(force=True)
    return cv2.merge([cv2.convertScaleAbs(plane, alpha=255) for plane in planes])


def as_image(picture: Tensor | np.ndarray) -> Tensor:
    """(3, H, W) RGB float32 in [0, 1].

    Args:
        picture: an (H, W, 3) uint8 RGB array, or a (3, H, W) tensor in [0, 1] of a floating type.

    Raises:
        ShapeError: another shape, type or range.
    """
    if isinstance(picture, np.ndarray):
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ShapeError(
                f"an array that is a picture is (H, W, 3) uint8 RGB; this one is {picture.shape} "
                f"{picture.dtype}. Tensors are (3, H, W) in [0, 1]"
            )
        return image_from_rgb(picture.copy())
    if not isinstance(picture, Tensor):
        raise ShapeError(
            "a picture is an (H, W, 3) uint8 RGB array, a (3, H, W) tensor in [0, 1] or a Frame; "
            f"this is {type(picture).__name__}"
        )
    if picture.ndim != 3 or picture.shape[0] != 3 or not picture.is_floating_point():
        raise ShapeError(
            f"a tensor that is a picture is (3, H, W) floating RGB in [0, 1]; this one is "
            f"{tuple(picture.shape)} {picture.dtype}. Arrays are (H, W, 3) uint8"
        )
    low, high = (float(a) for a in picture.aminmax()) if picture.numel() else (0.0, 0.0)
    if not (low >= 0 and high <= 1):
        raise ShapeError(
            f"a tensor that is a picture is in [0, 1]; this one reaches from {low:g} to {high:g}: "
            "divide 8-bit values by 255, undo a normalisation, leave no nan"
        )
    return picture.float()


def as_frame(picture: Picture, index: int, size: tuple[int, int] | None = None) -> Frame:
    """A frame as it is; any other picture as the frame `index`, named by it.

    Raises:
        ShapeError: no such picture, or one that is not of `size` (H, W), where that is known.
    """
    named = isinstance(picture, Frame)
    frame = picture if named else Frame(as_image(picture), index, f"{index:05d}")
    if size not in (None, frame.size):
        raise ShapeError(
            f"this picture is {frame.size} (height, width), those before it are {size}; resize it, "
            "or begin anew with masks of its size"
        )
    return frame
