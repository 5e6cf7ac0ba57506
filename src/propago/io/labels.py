"""From the values in a mask picture to object ids: pure functions on arrays, one rule for all.

What a picture cannot say alone is a `LabelPolicy`: whether white is an object, what colours are
called. `labels_of` returns (labels, notes): (H, W) uint8 or uint16 ids, and sentences about what
had to be interpreted. It raises MaskError with what was found; its callers add the file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from propago.conventions import VOID
from propago.errors import MaskError
from propago.io.levels import Levels, is_dithered, is_noisy_two_level, is_soft, levels_of, n_noisy
from propago.io.palette import DAVIS_IDS, Colour
from propago.io.raw_masks import RawMask, present

MAX_OBJECTS = 254
_PLAIN_IDS = 64
_BLACK = (0, 0, 0)

Labels = tuple[np.ndarray, tuple[str, ...]]


@dataclass(frozen=True)
class LabelPolicy:
    """What pictures of masks do not say by themselves.

    Attributes:
        white: in a grey picture of 0 and full scale alone, full scale is the "object" 1; or it is
            kept "as it stands", 255: void in ground truth, any object for DAVIS 2016.
        soft: "refuse" grey pictures with soft edges; or "halve" them: object 1 is above half.
        colours: the id of each colour; None takes `colour_ids` of the picture's own; another
            colour is refused.
        by_colour: indices mean nothing in these files, their colours do.
    """

    white: Literal["object", "as it stands"] = "object"
    soft: Literal["refuse", "halve"] = "refuse"
    colours: Mapping[Colour, int] | None = None
    by_colour: bool = False


ANNOTATION = LabelPolicy()
"""For what people draw."""
AS_IT_STANDS = LabelPolicy(white="as it stands", colours={})
"""For ground truth and results, whose protocol says what 255 is."""
ONE_OR_MANY = LabelPolicy(soft="halve")
"""For training data: ids, or mattes of one object."""


def labels_of(raw: RawMask, policy: LabelPolicy = ANNOTATION) -> Labels:
    """The object ids in a picture.

    Indices are ids, 255 is void; in a picture whose colours are not DAVIS's they are ids where
    black, if there is any, is index 0. Grey values are ids, but for black and white. Black is
    background, every other colour an object.

    Raises:
        MaskError: soft edges, the noise of a lossy compression, dithering, too many colours.
    """
    if raw.lossy:
        raise MaskError(
            f"it is {raw.format}, which changes pixel values when it compresses; save it as PNG"
        )
    raw, said = opaque(raw)
    if raw.kind == "index" and not policy.by_colour and raw.has_davis_palette:
        return raw.values, said
    if raw.kind == "index" and _is_grey_ramp(raw):
        raw = RawMask(raw.format, "L", "grey", raw.values)
    if raw.kind == "grey":
        labels, notes = _ids_from_grey(raw, policy)
    elif raw.kind == "index" and not (policy.by_colour or has_black_elsewhere(raw)):
        labels, notes = _ids_from_indices(raw)
    else:
        labels, notes = _ids_from_colours(raw.by_colour(), policy.colours)
    return labels, (*said, *notes)


def has_black_elsewhere(raw: RawMask) -> bool:
    """Whether an indexed picture shows black, and not by index 0: then indices are no ids."""
    if raw.palette is None or tuple(raw.palette[0]) == _BLACK:
        return False
    return bool((raw.palette[present(raw.values)] == 0).all(1).any())


def colours_in(raw: RawMask) -> tuple[Colour, ...]:
    """The flat colours that a picture shows, ascending, without black.

    Raises:
        MaskError: they are blends of their neighbours, noise or dithered.
    """
    levels = levels_of(raw.by_colour())
    _refuse_unclean(levels)
    return tuple((int(r), int(g), int(b)) for r, g, b in levels.coordinates if r or g or b)


def colour_ids(colours: Iterable[Colour]) -> dict[Colour, int]:
    """Ids of colours: the DAVIS palette's own where all are in it, else 1, 2, ... in this order."""
    distinct = [colour for colour in dict.fromkeys(colours) if colour != _BLACK]
    if all(colour in DAVIS_IDS for colour in distinct):
        return {colour: DAVIS_IDS[colour] for colour in distinct}
    if len(distinct) > MAX_OBJECTS:
        raise MaskError(f"there are {len(distinct)} colours, and at most {MAX_OBJECTS} objects")
    return {colour: i for i, colour in enumerate(distinct, 1)}


def opaque(raw: RawMask) -> tuple[RawMask, tuple[str, ...]]:
    """Without alpha: transparent pixels become background (0).

    Where the visible pixels are all black or no flat colours (a cut-out photograph), the opaque
    ones become 255, that is object 1.

    Raises:
        MaskError: something is half transparent.
    """
    if raw.alpha is None:
        return raw, ()
    if not np.isin(raw.alpha, (0, 255)).all():
        raise MaskError("it is semi-transparent at the edges of objects (anti-aliased)")
    visible = raw.alpha == 255
    seen = raw.values[visible]
    flat = len(np.unique(seen.reshape(len(seen), -1), axis=0)) <= MAX_OBJECTS
    if flat and seen.any():
        kept = raw.values * (visible if raw.kind == "grey" else visible[..., None])
        opaque = RawMask(raw.format, raw.mode, raw.kind, kept)
        return opaque, ("transparent pixels are background",)
    opaque = RawMask(raw.format, raw.mode, "grey", raw.alpha)
    return opaque, ("opaque pixels are object 1, transparent ones background",)


def _ids_from_indices(raw: RawMask) -> Labels:
    assert raw.palette is not None
    levels = levels_of(raw)
    _refuse_unclean(replace(levels, coordinates=raw.palette[levels.coordinates[:, 0]].astype(int)))
    background = tuple(raw.palette[0])
    if background == _BLACK or not (raw.values == 0).any():
        return raw.values, ()
    return raw.values, (f"palette index 0, colour {_shown(background)}, is the background",)


def _ids_from_grey(raw: RawMask, policy: LabelPolicy) -> Labels:
    """0 and full scale alone are background and object 1, else values are ids.

    255 beside other values is void in 8 bits and an id in 16.
    """
    values, full, said = raw.values, raw.full, ()
    found = present(values)
    if full == VOID and len(found) == 2 and _are_nearly_ends(*found.tolist()):
        said = (f"grey {found[0]} is the background, {found[1]} object 1",)
        values = np.where(values == found[1], np.uint8(full), np.uint8(0))
        found = np.array([0, full])
    if not _are_plain_ids(found, full):
        levels = levels_of(raw)
        if is_noisy_two_level(levels, full):
            said = (f"grey {full} with the noise of a lossy compression is one object",)
        elif policy.soft == "halve" and is_soft(levels):
            said = ("what is above half of full scale is object 1",)
        else:
            _refuse_unclean(levels)
        if said:
            values = np.where(values > full // 2, full, 0).astype(values.dtype)
            found = present(values)
    if set(found.tolist()) <= {0, full} and policy.white == "object":
        notes = (f"grey 0/{full}: {full} is object 1",) if full > 1 and full in found else ()
        return (values == full).astype(np.uint8), said or notes
    if full == VOID and VOID in found and policy.white == "object":
        return values, ("grey 255 beside other values is void: nobody vouches for these pixels",)
    return values, said


def _are_nearly_ends(low: int, high: int) -> bool:
    """Black and white as video has them, or nearly; not black and white themselves."""
    return low <= 25 and high >= 230 and (low, high) != (0, 255)


def _are_plain_ids(found: np.ndarray, full: int) -> bool:
    """Whether what is neither 0 nor full scale is 1, 2, 3 without gaps, to 64 at most."""
    ids = found[(found != 0) & (found != full)]
    return len(ids) <= _PLAIN_IDS and np.array_equal(ids, np.arange(1, len(ids) + 1))


def _ids_from_colours(raw: RawMask, ids: Mapping[Colour, int] | None) -> Labels:
    colours = colours_in(raw)
    ids = colour_ids(colours) if ids is None else ids
    if unknown := [colour for colour in colours if colour not in ids]:
        raise MaskError(
            f"it is a {raw.mode} picture, and nothing says which object the colour "
            f"{_shown(unknown[0])} is: propago doctor --fix gives a folder of masks one table"
        )
    table = np.array([_packed(np.array(c)) for c in colours])
    of_colour = np.array([ids[c] for c in colours], np.uint8)
    packed = _packed(raw.values)
    if not colours:
        return np.zeros(packed.shape, np.uint8), ()
    place = np.searchsorted(table, packed).clip(max=len(table) - 1)
    labels = np.where(packed == 0, 0, of_colour[place]).astype(np.uint8)
    shown = ", ".join(f"{_shown(c)} -> {ids[c]}" for c in colours)
    notes = (f"colours mapped to ids: {shown}",)
    return labels, notes if (labels == 0).any() else (*notes, "no pixel is black (background)")


def _is_grey_ramp(raw: RawMask) -> bool:
    assert raw.palette is not None
    used = present(raw.values)
    return bool((raw.palette[used] == used[:, None]).all())


def _refuse_unclean(levels: Levels) -> None:
    """Refuse pictures whose values are not what somebody drew."""
    remedy = "draw with a hard brush, threshold it, or mend it with propago doctor --fix"
    n = len(levels.pixels)
    if noise := n_noisy(levels):
        raise MaskError(
            f"it has {n} values, {noise} of them a few specks beside a value that is nearly the "
            f"same: it was once a JPEG; {remedy}"
        )
    if is_soft(levels):
        raise MaskError(
            f"it has {n} levels, {int(levels.soft.sum())} of them only as blends at edges: it was "
            f"anti-aliased or once a JPEG; {remedy}"
        )
    if is_dithered(levels):
        raise MaskError(
            "its values alternate pixel by pixel (dithered); save it as RGB, or as an indexed "
            "picture without dithering"
        )


def _packed(rgb: np.ndarray) -> np.ndarray:
    wide = rgb.astype(np.uint32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def _shown(colour: Iterable[int]) -> str:
    return "({}, {}, {})".format(*(int(c) for c in colour))
