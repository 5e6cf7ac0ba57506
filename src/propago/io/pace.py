"""How many pictures are shown a second, where the files do not say."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import isfinite

from propago.errors import UsageError
from propago.io.source import Source
from propago.types import Frame

STILLS_FPS = Fraction(24)
"""The rate of a video made of pictures of which nobody said one."""

_NTSC = Fraction(1000, 1001)
_ROUNDED = 2e-4
"""How far 23.98 is from 24000/1001, and somewhat more."""


def exact_rate(fps: float) -> Fraction:
    """Frames per second as videos have them: 23.976 and 29.97 are 24000/1001 and 30000/1001.

    Below one a second it is the time between two that is a plain number: 1/300 is one in 300 s.

    Raises:
        UsageError: not above 0, or above 1000.
    """
    if not (isfinite(fps) and 0 < fps <= 1000):
        raise UsageError(f"`fps` is {fps:g}; it is above 0 and at most 1000")
    broadcast = round(fps / _NTSC) * _NTSC
    if abs(float(broadcast) - fps) < _ROUNDED * fps and fps != round(fps):
        return broadcast
    if fps < 1:
        return 1 / Fraction(1 / fps).limit_denominator(1001)
    return Fraction(fps).limit_denominator(1001)


def paced(source: Source, fps: float | None) -> Source:
    """A source of pictures that is shown at `fps` (all of them, selected or not); None: as it is.

    Of less than one a second frames have their times, and the source has no rate: nobody watches
    a time lapse as long as it took.

    Raises:
        UsageError: no legal rate, or a source that has its own.
    """
    if fps is None:
        return source
    rate = exact_rate(fps)
    if source.fps is not None:
        raise UsageError(
            f"`fps` is for pictures; {source.path} is a video of {float(source.fps):.5g} frames a "
            "second"
        )
    read = partial(_timed, source, rate)
    shown = rate / source.selected.step if rate >= 1 else None
    return replace(source, fps=shown, read=read)


def _timed(source: Source, rate: Fraction, wanted: range) -> Iterator[Frame]:
    for frame in source.read(wanted):
        yield replace(frame, time_s=float(frame.index / rate))
