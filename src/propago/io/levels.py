"""Which values a mask picture holds, and which of them only soften edges or are noise.

OpenCV is imported where a picture needs a closer look: `eval` starts fast on clean label maps.
"""

from dataclasses import dataclass

import numpy as np

from propago.io.raw_masks import RawMask

LOSSY_SPREAD = 8
"""How much the values of a flat area may differ after lossy compression."""

_SQUARE = np.ones((3, 3), np.uint8)
_END = 0.1
"""So near to the ends of the scale, as a share of it, lie what people save as black and white."""

_NEAR_ENDS = 0.25
"""So near to black or white, as a share of full scale, lies what compression made of them."""

_SPECKS = 0.1
"""A level of which less lies in flat areas is no object by itself."""

_NEAR, _MOST, _LEAST_NOISE = 12, 0.6, 3
_SCATTERED, _CRUMB_PX = 2, 2.5
_LEAST_DITHERED_PX = 32


@dataclass(frozen=True)
class Levels:
    """The distinct values of a picture.

    Attributes:
        coordinates: (N, 1) index or grey value, or (N, 3) colour; int64, ascending.
        pixels: (N,) how many pixels have it.
        blends: (N,) how many of these lie strictly between their neighbours.
        core: (N,) how many of these lie in a flat 3x3 neighbourhood.
        place: (H, W) the level of each pixel.
    """

    coordinates: np.ndarray
    pixels: np.ndarray
    blends: np.ndarray
    core: np.ndarray
    place: np.ndarray

    @property
    def soft(self) -> np.ndarray:
        """(N,) bool: levels more than half of whose pixels are blends."""
        return self.blends > self.pixels / 2

    @property
    def specks(self) -> np.ndarray:
        """(N,) bool: levels that fill no area."""
        return self.core < _SPECKS * self.pixels


def levels_of(raw: RawMask) -> Levels:
    """Which values a picture holds, and whether they fill areas or only soften edges.

    Neighbouring values are compared as indices where the palette is DAVIS's, else as colours.
    """
    keys = np.ascontiguousarray(_keys(raw.values))
    starts = np.append(0, np.flatnonzero(keys.ravel()[1:] != keys.ravel()[:-1]) + 1)
    lengths = np.diff(starts, append=keys.size)
    present, level_of_run = np.unique(keys.ravel()[starts], return_inverse=True)
    pixels = np.bincount(level_of_run, lengths)
    coordinates = _coordinates(present, raw)
    place = np.repeat(level_of_run.astype(np.int32), lengths).reshape(keys.shape)
    if len(present) < 3:
        return Levels(coordinates, pixels, np.zeros(len(present)), pixels, place)
    plain = raw.palette is None or raw.has_davis_palette
    shown = raw.values if plain else raw.by_colour().values
    blend, uneven = _blends_and_uneven(shown, LOSSY_SPREAD if raw.lossy else 0)
    blends = np.bincount(place[blend], minlength=len(present))
    core = pixels - np.bincount(place[uneven], minlength=len(present))
    return Levels(coordinates, pixels, blends, core, place)


def is_soft(levels: Levels) -> bool:
    """Whether most values are blends at edges, as anti-aliasing and strong compression make them.

    The two extremes are taken for flat.
    """
    return int(levels.soft.sum()) > max(0.0, (len(levels.pixels) - 2) / 2)


def looks_lossy(levels: Levels, full: int) -> bool:
    """Whether values were changed by a lossy compression, whatever the file's format is now."""
    grey = levels.coordinates.shape[1] == 1
    return (grey and is_noisy_two_level(levels, full)) or n_noisy(levels) > 0


def is_noisy_two_level(levels: Levels, full: int) -> bool:
    """Whether a grey picture is black and white but for the noise of a lossy compression.

    Its values gather at both ends of the scale, and those between the ends fill no area.
    """
    values = levels.coordinates[:, 0]
    between = (values > 0) & (values < full)
    near_black, near_white = values < _NEAR_ENDS * full, values > (1 - _NEAR_ENDS) * full
    noise = levels.pixels[between].sum()
    far = levels.pixels[~(near_black | near_white)].sum()
    return bool(
        values[-1] == full
        and (between & near_white).any()
        and levels.core[between].sum() < _SPECKS * noise
        and far < _SPECKS * noise
        and levels.pixels[~between].sum() > noise
    )


def matte_ends(levels: Levels, full: int) -> tuple[int, int] | None:
    """What black and white are in a grey picture of one object, soft or not; None of any other.

    Most of it lies near the ends of the scale, and no value between them is frequent. Black may be
    16 and white 235, as in video.
    """
    values, pixels = levels.coordinates[:, 0], levels.pixels
    black, white = values <= _END * full, values >= (1 - _END) * full
    if not (black.any() and white.any()):
        return None
    between = pixels[~(black | white)]
    if between.sum() > pixels.sum() / 2 or between.max(initial=0) > pixels[white].sum() / 5:
        return None
    ends = (int(values[end][pixels[end].argmax()]) for end in (black, white))
    return next(ends), next(ends)


def n_noisy(levels: Levels) -> int:
    """How many values are scattered specks around one that is nearly the same and fills an area.

    0 where most specks are none of these, as in soft edges, or lie together: small objects.
    """
    import cv2

    specks = np.flatnonzero(levels.specks)
    if len(specks) < _LEAST_NOISE or len(specks) == len(levels.pixels):
        return 0
    flat = levels.coordinates[~levels.specks]
    far = np.abs(levels.coordinates[specks][:, None] - flat[None]).max(-1).min(1)
    near = specks[far <= _NEAR]
    if levels.pixels[near].sum() < _MOST * levels.pixels[specks].sum():
        return 0
    pieces = sum(cv2.connectedComponents((levels.place == i).astype(np.uint8))[0] - 1 for i in near)
    scattered = pieces >= _SCATTERED * len(near) or levels.pixels[near].sum() < _CRUMB_PX * pieces
    return len(near) if scattered else 0


def is_dithered(levels: Levels) -> bool:
    """Whether some value alternates with others pixel by pixel over an area."""
    import cv2

    for level in np.flatnonzero((levels.core == 0) & (levels.pixels >= _LEAST_DITHERED_PX)):
        there = (levels.place == level).astype(np.uint8)
        filled = cv2.erode(cv2.morphologyEx(there, cv2.MORPH_CLOSE, _SQUARE), _SQUARE)
        if filled.sum() > levels.pixels[level] / 2:
            return True
    return False


def _blends_and_uneven(values: np.ndarray, spread: int) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool each: strictly between the neighbours in a channel; an uneven neighbourhood."""
    import cv2

    blend = np.zeros(values.shape[:2], bool)
    uneven = np.zeros(values.shape[:2], bool)
    for plane in np.moveaxis(values.reshape(*values.shape[:2], -1), -1, 0):
        plane = np.ascontiguousarray(plane)
        low, high = cv2.erode(plane, _SQUARE), cv2.dilate(plane, _SQUARE)
        blend |= (plane > low) & (plane < high)
        uneven |= high - low > spread
    return blend, uneven


def _keys(values: np.ndarray) -> np.ndarray:
    """(H, W) one number per pixel, different for different values."""
    if values.ndim == 2:
        return values
    wide = values.astype(np.uint32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _coordinates(keys: np.ndarray, raw: RawMask) -> np.ndarray:
    if raw.values.ndim == 2:
        return keys.astype(np.int64)[:, None]
    return np.stack([keys >> 16, keys >> 8 & 255, keys & 255], axis=1).astype(np.int64)
