"""Which stored values become black and white: the same ones in every frame of a source."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from propago.errors import UsageError

Contrast = tuple[float, float]
"""The values that become 0 and 1; what lies beyond is clipped."""

EIGHT_BITS: Contrast = (0.0, 255.0)

_SCALES = tuple(float(2**bits - 1) for bits in (8, 10, 12, 14, 16))
_PERCENTILES = (0.1, 99.9)
_FRAMES, _PIXELS = 8, 1 << 17


def require_contrast(contrast: Sequence[float] | None) -> None:
    """Refuse what is no pair of finite numbers that grow.

    Raises:
        UsageError: it is none.
    """
    if contrast is None:
        return
    if len(contrast) != 2 or not all(map(math.isfinite, contrast)) or contrast[0] >= contrast[1]:
        raise UsageError(
            f"`contrast` is {tuple(contrast)}; it is the values that become black and white, the "
            "lower one first, such as 100,4000"
        )


def contrast_of(read: Callable[[int], np.ndarray], count: int) -> tuple[Contrast, tuple[str, ...]]:
    """What becomes black and white in pictures, and a sentence where that had to be found out.

    8 bits are 0 to 255. Of others the percentiles 0.1 and 99.9 of eight pictures, evenly spread,
    count, so that neither a dark beginning nor a hot pixel decides. Where they fill half of the
    smallest of 8, 10, 12, 14 or 16 bits (or of 0 to 1) that holds them, that scale is taken from 0.

    Args:
        read: the stored values of a picture by number.
        count: how many pictures there are.
    """
    kind = read(0).dtype
    if kind == np.uint8:
        return EIGHT_BITS, ()
    chosen = sorted({round(n) for n in np.linspace(0, count - 1, min(count, _FRAMES))})
    values = np.concatenate([_some(read(n)) for n in chosen])
    low, high = (float(v) for v in np.percentile(values, _PERCENTILES)) if values.size else (0, 0)
    scales = (1.0, *_SCALES) if kind.kind == "f" else _SCALES
    full = next((scale for scale in scales if high <= scale), math.inf)
    if low >= 0 and high - low >= full / 2:
        low, high = 0.0, full
    elif low >= high:
        low, high = min(0.0, low), max(1.0, high)
    if (low, high, kind) == (0, _SCALES[-1], np.uint16):
        return (low, high), ()
    return (low, high), (
        f"of the {kind} values of the frames {low:g} becomes black and {high:g} white; `contrast` "
        "sets other ones",
    )


def _some(picture: np.ndarray) -> np.ndarray:
    """At most about 2^17 pixels' values of a picture, all finite, evenly taken."""
    pixels = picture.reshape(-1, picture.shape[-1])
    values = pixels[:: max(1, len(pixels) // _PIXELS)].ravel()
    return values[np.isfinite(values)]
