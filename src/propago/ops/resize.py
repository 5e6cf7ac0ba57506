"""Pictures, features and score maps at the size a network works on."""

import math

import torch.nn.functional as F
from torch import Tensor


def scaled_size(size: tuple[int, int], short_px: int) -> tuple[int, int]:
    """(h, w) near `size`, in proportion, whose short side is at most `short_px`."""
    scale = min(1.0, short_px / min(size))
    height, width = (max(1, round(side * scale)) for side in size)
    return height, width


def working_size(size: tuple[int, int], short_px: int, longest: float) -> tuple[int, int]:
    """(h, w) in proportion to `size`, smaller or larger, whose short side is `short_px`.

    Less where the long side would be more than `longest` times that.
    """
    scale = min(short_px / min(size), longest * short_px / max(size))
    height, width = (max(1, round(side * scale)) for side in size)
    return height, width


def enlargement(size: tuple[int, int], cover_px: int) -> float:
    """Factor in [1, 2] that makes a crop (h, w) cover `cover_px` squared where it can."""
    return min(2.0, max(1.0, cover_px / math.sqrt(max(math.prod(size), 1))))


def bilinear(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """(B, C, h, w): `x` (B, C, H, W) interpolated to `size` (h, w), without averaging."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def padded(x: Tensor, multiple: int) -> Tensor:
    """`x` (B, C, H, W) with its last row and column repeated until `multiple` divides H and W."""
    height, width = x.shape[-2:]
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def enlarged(logits: Tensor, size: tuple[int, ...], multiple: int) -> Tensor:
    """(N, H, W): what a network said, (N, h, w), of pictures `padded` to `multiple`.

    Args:
        logits: of the padded pictures, at any stride.
        size: (H, W) of the pictures before.
        multiple: as of `padded`.
    """
    whole = tuple(-(-side // multiple) * multiple for side in size)
    return bilinear(logits[:, None], whole)[:, 0, : size[0], : size[1]]


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, h, w): `x` (C, H, W) averaged down, or interpolated up."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x[None], size, mode="bilinear", align_corners=False, antialias=True)[0]
