"""Which frame of a source the name of a mask means."""

import re
from collections.abc import Sequence
from itertools import pairwise

from propago.io.source import Source

_NUMBER = re.compile(
    r"([0-9]+)(?:[ _.-]?(?:masks?|labels?|seg|segmentation|annotations?|gt))?$", re.IGNORECASE
)


def named_frame(stem: str, source: Source) -> int | None:
    """The index of the frame that a name says for certain; None where it says none.

    Certain are the name of the frame's file, the index of a frame without one, and the name of a
    still that `save_frame` wrote.
    """
    if source.stems is not None and stem in source.stems:
        return source.stems.index(stem)
    still = re.fullmatch(rf"{re.escape(source.name)}_([0-9]{{5,}})", stem)
    if still and int(still[1]) < (len(source.stems) if source.stems else int(still[1]) + 1):
        return int(still[1])
    return int(stem) if source.stems is None and stem.isdecimal() else None


def numbered_frames(stems: Sequence[str], source: Source) -> tuple[dict[str, int], tuple[str, ...]]:
    """The frames whose numbers end these names, such as 4 of frame_000004 or of f4_mask.

    Where frames have files, the same number ends the file's name, or all are one higher or lower.

    Returns:
        Indices by name, names without a frame left out; and how they were understood.
    """
    numbers = {stem: int(found[1]) for stem in stems if (found := _NUMBER.search(stem))}
    if not numbers:
        return {}, ()
    frames, shift = _frame_numbers(source), 0
    if frames is not None:
        given = set(numbers.values())
        shift = next((s for s in (0, 1, -1) if given == {n + s for n in frames}), 0)
    found = {
        stem: n if frames is None else frames[n - shift]
        for stem, n in numbers.items()
        if frames is None or n - shift in frames
    }
    if not found:
        return {}, ()
    stem, index = next(iter(found.items()))
    frame = f"{index}, counted from 0" if source.stems is None else source.stems[index]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return found, (f"{stem}{more}: named by number, {numbers[stem]} is taken for frame {frame}",)


def last_number(stem: str) -> int | None:
    """The number that ends a name, such as 4 of frame_000004 or of f4_mask; None without one."""
    found = _NUMBER.search(stem)
    return int(found[1]) if found else None


def numbers_of(names: Sequence[str]) -> list[int]:
    """The number that ends each name, where all have one and they grow; else 0, 1, 2, ..."""
    numbers = [last_number(name) for name in names]
    found = [number for number in numbers if number is not None]
    grow = all(a < b for a, b in pairwise(found))
    return found if len(found) == len(names) and grow else list(range(len(names)))


def _frame_numbers(source: Source) -> dict[int, int] | None:
    """The index of each frame by the number that ends its file's name; None without files."""
    if source.stems is None:
        return None
    found = [(int(n[1]), i) for i, stem in enumerate(source.stems) if (n := _NUMBER.search(stem))]
    return dict(found) if len(dict(found)) == len(found) else {}
