"""What objects look like in each frame, and what that says: they changed places, or went astray."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEVELS = 4
"""Of each colour channel in a histogram."""

REMEMBERED = 5
"""So many frames before and behind a meeting say what the two look like."""

CROSSED = 0.7
"""Two have likely changed places where each is so much nearer to the other's looks."""

_GAP_PX = 6
_MOST_PIXELS = 120_000
_FEWEST_PIXELS = 12


@dataclass(frozen=True)
class Seen:
    """The objects of a frame.

    Attributes:
        colours: of each, a histogram (LEVELS ** 3,) of sum 1.
        touching: pairs (smaller id, larger id) that are nearer than a few pixels.
    """

    colours: Mapping[int, np.ndarray]
    touching: frozenset[tuple[int, int]]

    def renamed(self, names: Mapping[int, int]) -> "Seen":
        """The same frame with other ids; what is not in `names` is gone."""
        colours = {names[i]: colour for i, colour in self.colours.items() if i in names}
        pairs = ((names[i], names[j]) for i, j in self.touching if i in names and j in names)
        return Seen(colours, frozenset((min(pair), max(pair)) for pair in pairs))


@dataclass(frozen=True)
class Swap:
    """Two objects have likely changed places.

    Attributes:
        index: the first frame behind their meeting that shows both apart.
        one: of them, the smaller id.
        other: of them.
        crossed: how far each is from the other's looks, as a share of how far from its own.
    """

    index: int
    one: int
    other: int
    crossed: float


def seen(rgb: np.ndarray, labels: np.ndarray) -> Seen:
    """What a frame shows of each object.

    Args:
        rgb: (H, W, 3) uint8.
        labels: (H, W) uint8, 0 where there is no object.
    """
    step = max(int(np.ceil(np.sqrt(labels.size / _MOST_PIXELS))), 1)
    labels, rgb = labels[::step, ::step], rgb[::step, ::step]
    where = np.nonzero(labels)
    ids, bins = labels[where].astype(np.int64), (rgb[where] // (256 // LEVELS)).astype(np.int64)
    places = (bins[:, 0] * LEVELS + bins[:, 1]) * LEVELS + bins[:, 2]
    size = LEVELS**3
    counts = np.bincount(ids * size + places, minlength=256 * size).reshape(256, size)
    totals = counts.sum(1)
    large = np.flatnonzero(totals >= _FEWEST_PIXELS)
    colours = {int(i): (counts[i] / totals[i]).astype(np.float32) for i in large}
    return Seen(colours, frozenset(_touching(labels, max(_GAP_PX // step, 1))))


def unlikeness(one: np.ndarray, other: np.ndarray) -> float:
    """Hellinger's distance of two histograms of sum 1: 0 where they are the same, 1 at most."""
    return float(np.sqrt(max(1 - float(np.sqrt(one * other).sum()), 0)))


def likely_swaps(frames: Mapping[int, Seen]) -> list[Swap]:
    """Where two objects have met and each looks like the other since, in order of time.

    A meeting begins when they touch, and ends with the first frame that shows both apart.
    """
    pairs = {pair for look in frames.values() for pair in look.touching}
    found = [swap for pair in sorted(pairs) for swap in _swaps_of(pair, frames)]
    return sorted(found, key=lambda swap: (swap.index, swap.one, swap.other))


def _swaps_of(pair: tuple[int, int], frames: Mapping[int, Seen]) -> Iterator[Swap]:
    before = deque[tuple[np.ndarray, np.ndarray]](maxlen=REMEMBERED)
    behind: list[tuple[np.ndarray, np.ndarray]] = []
    met, first = False, 0
    for t in sorted(frames):
        look = frames[t]
        if pair in look.touching:
            if behind:
                yield from _crossed(pair, first, before, behind)
                before, behind = deque(behind, REMEMBERED), []
            met = True
        elif pair[0] in look.colours and pair[1] in look.colours:
            both = look.colours[pair[0]], look.colours[pair[1]]
            if not met:
                before.append(both)
                continue
            first = first if behind else t
            behind.append(both)
            if len(behind) == REMEMBERED:
                yield from _crossed(pair, first, before, behind)
                before, behind, met = deque(behind, REMEMBERED), [], False
    if behind:
        yield from _crossed(pair, first, before, behind)


def _crossed(
    pair: tuple[int, int],
    index: int,
    before: Sequence[tuple[np.ndarray, np.ndarray]],
    behind: Sequence[tuple[np.ndarray, np.ndarray]],
) -> Iterator[Swap]:
    """The swap of a meeting, if each of the two looks like the other behind it."""
    if not before:
        return
    (one, other), (new_one, new_other) = (np.mean(np.array(looks), 0) for looks in (before, behind))
    kept = unlikeness(one, new_one) + unlikeness(other, new_other)
    swapped = unlikeness(one, new_other) + unlikeness(other, new_one)
    if swapped < CROSSED * kept:
        yield Swap(index, *pair, round(swapped / kept, 3))


def _touching(labels: np.ndarray, gap: int) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for one, other in ((labels[:, :-gap], labels[:, gap:]), (labels[:-gap], labels[gap:])):
        apart = (one != other) & (one > 0) & (other > 0)
        pairs = np.unique(one[apart].astype(np.int64) * 256 + other[apart])
        found |= {(min(divmod(p, 256)), max(divmod(p, 256))) for p in map(int, pairs)}
    return found
