"""Which of many frames are remembered."""

from collections.abc import Sequence
from typing import TypeVar

Kept = TypeVar("Kept")


def first_and_latest(kept: Sequence[Kept], now: Kept, most: int) -> tuple[Kept, ...]:
    """`kept` and `now`, at most `most` (2 or more) of them: the first one, and the latest."""
    return (*kept[:1], *(*kept[1:], now)[-(most - 1) :])
