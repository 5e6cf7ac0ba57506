"""What the pages of a TIFF are, channels, slices or times, as ImageJ, OME and tifffile note it."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from propago.errors import SourceError, UsageError
from propago.io.tiff_pages import COUNTS, OFFSETS, TiffPage

_IMAGEJ = {"T": "frames", "Z": "slices", "C": "channels"}
_COMPRESSION, _NONE = 259, 1
_NUMBER = r"(\d+\.?\d*(?:[eE][+-]?\d+)?)"
_INTERVALS = (
    (re.compile(rf"^finterval={_NUMBER}\s*$", re.M), re.compile(r"^tunit=(\w+)", re.M)),
    (re.compile(rf'\bTimeIncrement="{_NUMBER}"'), re.compile(r'\bTimeIncrementUnit="(\w+)"')),
)
"""The time between frames and its unit, as ImageJ and OME write them; seconds without a unit."""
_SECONDS = {"ms": 1e-3, "s": 1, "sec": 1, "min": 60, "h": 3600, "hour": 3600}


def one_channel(
    path: Path, pages: Sequence[TiffPage], channel: int | None
) -> tuple[list[TiffPage], tuple[str, ...]]:
    """The pages of one channel, in order of time or of depth, and what had to be chosen.

    Args:
        path: the file.
        pages: all of its pages.
        channel: counted from 1, as ImageJ shows them; the first if None.

    Raises:
        UsageError: there is no such channel.
        SourceError: the pages are in time and in depth at once.
    """
    axes = _axes(pages)
    if axes.get("T", 1) > 1 and axes.get("Z", 1) > 1:
        raise SourceError(
            f"{path} holds {axes['T']} times of {axes['Z']} slices each; frames follow each other "
            "in time or in depth: save one slice of all times, or their projection"
        )
    channels = axes.get("C", 1)
    if channel is not None and not 1 <= channel <= channels:
        raise UsageError(
            f"`channel` is {channel}; {path} has {channels} channel{'s' * (channels > 1)}"
            + (", counted from 1" if channels > 1 else "")
        )
    if channels == 1:
        return list(pages), ()
    places = np.arange(len(pages)).reshape(tuple(axes.values()))
    chosen = places.take((channel or 1) - 1, axis=list(axes).index("C")).ravel().tolist()
    said = f"{path.name} has {channels} channels: the first is taken; `channel` chooses another"
    return [pages[n] for n in chosen], () if channel else (said,)


def all_pages(path: Path, pages: Sequence[TiffPage]) -> list[TiffPage]:
    """The pages, also where only the first is listed and the others lie behind it.

    ImageJ writes stacks of more than 4 GB so, tifffile those it truncates.

    Raises:
        SourceError: the file ends before the last of them.
    """
    count = math.prod(_noted(pages[0].description).values()) if pages else 0
    first = pages[0] if pages else None
    if first is None or len(pages) != 1 or count < 2 or first.first(_COMPRESSION, 1) != _NONE:
        return list(pages)
    offsets, counts = (next(t for t in two if t in first.tags) for two in (OFFSETS, COUNTS))
    begin, length = first.first(offsets, 0), sum(first.tags[counts])
    if path.stat().st_size < begin + count * length:
        raise SourceError(f"{path} is cut off: it says that it holds {count} pages")
    return [
        replace(
            first,
            index=n,
            listed=n == 0,
            tags=first.tags | {offsets: tuple(o + n * length for o in first.tags[offsets])},
        )
        for n in range(count)
    ]


def interval_s(pages: Sequence[TiffPage]) -> float | None:
    """Seconds from one page in time to the next, where ImageJ or OME noted them."""
    if _axes(pages).get("T", 1) < 2:
        return None
    noted = pages[0].description
    for number, unit in _INTERVALS:
        said, named = number.search(noted), unit.search(noted)
        seconds = float(said[1]) * _SECONDS.get(named[1] if named else "s", 0) if said else 0
        if seconds > 0:
            return seconds
    return None


def _axes(pages: Sequence[TiffPage]) -> dict[str, int]:
    """How many pages each axis has, the slowest first; {} where the file does not say it."""
    noted = _noted(pages[0].description) if pages else {}
    return noted if math.prod(noted.values()) == len(pages) else {}


def _noted(description: str) -> dict[str, int]:
    if description.startswith("ImageJ="):
        said = dict(re.findall(r"(\w+)=(\d+)", description))
        axes = {axis: int(said.get(name, 1)) for axis, name in _IMAGEJ.items()}
        return axes if math.prod(axes.values()) > 1 else {"T": int(said.get("images", 1))}
    if description.startswith("{"):
        try:
            said = json.loads(description)
            shape = [int(n) for n in said["shape"]]
            axes = str(said.get("axes") or "?" * len(shape))
        except (ValueError, KeyError, TypeError):
            return {}
        at = axes.find("Y") if "Y" in axes else len(axes) - 2
        return dict(zip(axes[:at], shape[:at], strict=False)) if "?" not in axes else {}
    order = re.search(r'DimensionOrder="XY([CZT]{3})"', description)
    sizes = dict(re.findall(r'Size([CZT])="(\d+)"', description))
    if order is None or len(sizes) < 3:
        return {}
    return {axis: int(sizes[axis]) for axis in reversed(order[1])}
