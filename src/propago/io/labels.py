"""From the values in a mask picture to object ids: pure functions on arrays.

Each returns (labels, notes): (H, W) uint8 or uint16 ids, and sentences about what had to be
interpreted. Each raises MaskError with what was found; `read_mask` adds the file.
"""

from collections.abc import Iterable, Mapping

import cv2
import numpy as np

from propago.errors import MaskError
from propago.io.palette import DAVIS_IDS, DAVIS_PALETTE, Colour
from propago.types import VOID

MAX_OBJECTS = 254
_PLAIN_IDS = 64
_WHITE = (255, 255, 255)

Labels = tuple[np.ndarray, tuple[str, ...]]


def ids_from_indices(indices: np.ndarray, palette: bytes) -> Labels:
    """Indexed picture: ids are the indices, 255 is void.

    Where white 255 is the only index besides 0, it is object 1 (a 0/255 mask saved as indexed).

    Args:
        indices: (H, W) uint8.
        palette: RGB triples; fewer than 256 are allowed.
    """
    known = palette[: len(DAVIS_PALETTE)] == DAVIS_PALETTE[: len(palette)]
    if known:
        return indices, ()
    colours = np.zeros((256, 3), np.uint8)
    entries = np.frombuffer(palette, np.uint8)[:768].reshape(-1, 3)
    colours[: len(entries)] = entries
    _refuse_soft(indices, colours[indices])
    notes = ()
    if tuple(colours[0]) != (0, 0, 0):
        notes = (f"palette index 0, colour {_shown(colours[0])}, is the background",)
    if set(present(indices)) <= {0, VOID} and tuple(colours[VOID]) == _WHITE:
        return (indices == VOID).astype(np.uint8), (*notes, "white (index 255) is object 1")
    return indices, notes


def ids_from_grey(values: np.ndarray) -> Labels:
    """Grey picture: 0 and full scale alone are background and object 1, else values are ids.

    255 beside other values is void in 8 bits and an id in 16.

    Args:
        values: (H, W) uint8 or uint16.
    """
    full = int(np.iinfo(values.dtype).max)
    levels = present(values)
    if set(levels.tolist()) <= {0, full}:
        notes = (f"grey 0/{full}: {full} is object 1",) if full in levels else ()
        return (values == full).astype(np.uint8), notes
    ids = levels[(levels != 0) & (levels != full)]
    if len(ids) > _PLAIN_IDS or not np.array_equal(ids, np.arange(1, len(ids) + 1)):
        _refuse_soft(values, values[..., None])
    notes = ()
    if full == VOID and VOID in levels:
        notes = ("grey 255 beside other values is void: nobody vouches for these pixels",)
    return values, notes


def ids_from_colours(rgb: np.ndarray, ids: Mapping[Colour, int] | None = None) -> Labels:
    """RGB picture: black is background, every other colour an object.

    Args:
        rgb: (H, W, 3) uint8; one that is grey all over is read by `ids_from_grey`.
        ids: the id of each colour; None takes `colour_ids` of this picture's colours.
    """
    if (rgb == rgb[..., :1]).all():
        return ids_from_grey(np.ascontiguousarray(rgb[..., 0]))
    colours = colours_in(rgb)
    ids = colour_ids(colours) if ids is None else ids
    table = np.array([_packed(np.array(c)) for c in colours])
    of_colour = np.array([ids[c] for c in colours], np.uint8)
    packed = _packed(rgb)
    place = np.searchsorted(table, packed).clip(max=len(table) - 1)
    labels = np.where(packed == 0, 0, of_colour[place]).astype(np.uint8)
    shown = ", ".join(f"{_shown(c)} -> {ids[c]}" for c in colours)
    notes = (f"RGB colours mapped to ids: {shown}",)
    return labels, notes if (labels == 0).any() else (*notes, "no pixel is black (background)")


def colours_in(rgb: np.ndarray) -> tuple[Colour, ...]:
    """The flat colours of an (H, W, 3) uint8 picture, ascending, without black.

    Raises:
        MaskError: too many, or most are blends of their neighbours.
    """
    _refuse_soft(_packed(rgb), rgb)
    packed = np.unique(_packed(rgb))
    return tuple((int(p) >> 16, int(p) >> 8 & 255, int(p) & 255) for p in packed if p)


def colour_ids(colours: Iterable[Colour]) -> dict[Colour, int]:
    """Ids of colours: the DAVIS palette's own where all are in it, else 1, 2, ... in this order."""
    distinct = list(dict.fromkeys(colours))
    if all(colour in DAVIS_IDS for colour in distinct):
        return {colour: DAVIS_IDS[colour] for colour in distinct}
    if len(distinct) > MAX_OBJECTS:
        raise MaskError(f"there are {len(distinct)} colours, and at most {MAX_OBJECTS} objects")
    return {colour: i for i, colour in enumerate(distinct, 1)}


def present(values: np.ndarray) -> np.ndarray:
    """The distinct values of a uint8 or uint16 array, ascending; by counting, not sorting."""
    return np.flatnonzero(np.bincount(values.ravel()))


def without_alpha(values: np.ndarray) -> Labels:
    """Drop the last channel, alpha: transparent pixels become background (0).

    Where the visible pixels are all black or no flat colours (a cut-out photograph), the opaque
    ones become 255, that is object 1.

    Args:
        values: (H, W, 2) grey or (H, W, 4) RGB with alpha, uint8.
    """
    alpha, colour = values[..., -1], values[..., :-1]
    colour = colour[..., 0] if colour.shape[-1] == 1 else colour
    if (alpha == 255).all():
        return np.ascontiguousarray(colour), ()
    if not np.isin(alpha, (0, 255)).all():
        raise MaskError("it is semi-transparent at the edges of objects (anti-aliased)")
    visible = alpha == 255
    seen = colour[visible]
    flat = len(np.unique(seen.reshape(len(seen), -1), axis=0)) <= MAX_OBJECTS
    if flat and seen.any():
        kept = colour * (visible if colour.ndim == 2 else visible[..., None])
        return kept, ("transparent pixels are background",)
    return alpha.copy(), ("opaque pixels are object 1, transparent ones background",)


def _refuse_soft(levels: np.ndarray, channels: np.ndarray) -> None:
    """Refuse pictures most of whose levels are blends, as anti-aliasing and JPEG make them.

    A pixel is a blend where a channel lies strictly between the smallest and the largest value
    of its 3x3 neighbourhood; a level where more than half of its pixels do.

    Args:
        levels: (H, W) one number per distinct value; the extremes are taken for flat.
        channels: (H, W, C) the values.
    """
    square, planes = np.ones((3, 3), np.uint8), np.moveaxis(channels, -1, 0)
    blend = np.zeros(levels.shape, bool)
    for plane in map(np.ascontiguousarray, planes):
        blend |= (plane > cv2.erode(plane, square)) & (plane < cv2.dilate(plane, square))
    values, where, counts = np.unique(levels, return_inverse=True, return_counts=True)
    blends = np.bincount(where.ravel(), weights=blend.ravel(), minlength=len(values))
    soft = int((blends > counts / 2).sum())
    if soft > (len(values) - 2) / 2:
        raise MaskError(
            f"it has {len(values)} levels, {soft} of them only as blends at edges: it was "
            "anti-aliased or once a JPEG; draw with a hard brush or threshold it"
        )


def _packed(rgb: np.ndarray) -> np.ndarray:
    wide = rgb.astype(np.uint32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _shown(colour: Iterable[int]) -> str:
    return "({}, {}, {})".format(*(int(c) for c in colour))
