"""What the mask files of one sequence say only together: whether indices mean the same in all."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from propago.errors import MaskError
from propago.io.labels import ANNOTATION, LabelPolicy, colour_ids, colours_in
from propago.io.palette import DAVIS_PALETTE, Colour
from propago.io.png import palette_of
from propago.io.raw_masks import RawMask, present, read_raw

_BLACK = (0, 0, 0)


@dataclass(frozen=True)
class ShownColours:
    """The colours that a mask file shows.

    Attributes:
        colours: those in use, ascending by index or by value.
        indices: the index of each where the file has a palette.
        palette: all entries of it.
    """

    colours: tuple[Colour, ...] = ()
    indices: tuple[int, ...] = ()
    palette: tuple[Colour, ...] = ()


def shared_policy(paths: Iterable[Path], policy: LabelPolicy = ANNOTATION) -> LabelPolicy:
    """`policy` with what the files of one sequence say together.

    A colour has one id in all of them, in the order in which colours appear. Files whose
    `indices_mislead` are read by their colours.

    Raises:
        MaskError: as `read_mask`.
    """
    paths = list(paths)
    heads = {path: palette_of(path) for path in paths}
    unclear = [path for path, head in heads.items() if head is None or not _is_davis(head)]
    if not unclear:
        return policy
    shown = [_shown_by(path) for path in unclear]
    if any(heads.values()) and len(unclear) < len(paths):
        shown.append(_every_colour(DAVIS_PALETTE))
    by_colour = indices_mislead(shown)
    if by_colour:
        shown = [_shown_by(path) for path in paths]
    mapped = (s.colours for s in shown if by_colour or not s.palette)
    ids = colour_ids(colour for colours in mapped for colour in colours)
    return replace(policy, colours=ids or policy.colours, by_colour=by_colour)


def indices_mislead(shown: Iterable[ShownColours]) -> bool:
    """Whether colours say more than indices, as after reducing RGB pictures to palettes.

    A colour has one index here and another there, or black is in use beside another index 0.
    """
    index_of: dict[Colour, int] = {}
    for picture in shown:
        for colour, index in zip(picture.colours, picture.indices, strict=False):
            if colour == _BLACK:
                misplaced = picture.palette[0] != _BLACK
            else:
                misplaced = picture.palette[index_of.setdefault(colour, index)] != colour
            if misplaced:
                return True
    return False


def shown_colours(raw: RawMask) -> ShownColours:
    """The colours that a picture shows, blends and all; none of a grey one."""
    if raw.palette is None:
        return ShownColours(colours_in(raw) if raw.kind == "colour" else ())
    whole = _every_colour(raw.palette.tobytes())
    used = tuple(present(raw.values).tolist())
    return ShownColours(tuple(whole.palette[i] for i in used), used, whole.palette)


def _shown_by(path: Path) -> ShownColours:
    raw = read_raw(path)
    try:
        return ShownColours() if raw.lossy else shown_colours(raw)
    except MaskError as error:
        raise MaskError(f"{path}: {error}") from error


def _every_colour(palette: bytes) -> ShownColours:
    colours = tuple(zip(palette[::3], palette[1::3], palette[2::3], strict=True))
    return ShownColours(colours, tuple(range(len(colours))), colours)


def _is_davis(palette: bytes) -> bool:
    return palette == DAVIS_PALETTE[: len(palette)]
