"""Which frames are most worth a person's look."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from propago.runs.journal import WEAK_SCORE
from propago.studio.appearance import Swap
from propago.studio.project_files import Figures

JUMP = 0.5
"""An area that changes from frame to frame by more than this share of the larger one has jumped."""

UNLIKE = 0.65
"""Hellinger's distance of an object's colours to all that a person drew of it, from which on they
look wrong. One true object of DAVIS in a hundred is as far from its first frame."""

APART_FRAMES = 5
"""Of suspicious frames closer than this, the worst is named."""

MOST = 20


@dataclass(frozen=True)
class Look:
    """A frame worth a look.

    Attributes:
        index: of the frame.
        object: what looks wrong there.
        reason: lost, swap, jump, unlike or unsure.
        badness: 0 to 1; lost is worst.
        other: what it has changed places with, of a swap.
    """

    index: int
    object: int
    reason: str
    badness: float
    other: int | None = None


def worth_a_look(
    figures: Figures,
    corrected: Collection[int] = (),
    swaps: Sequence[Swap] = (),
    unlike: Mapping[tuple[int, int], float] | None = None,
) -> list[Look]:
    """The frames in which something most likely went wrong, the worst first.

    An object that was there and is gone is lost (badness 1); next come two that have likely changed
    places. An area that jumps has half its share of change added to a half; looks beyond `UNLIKE`
    have half their distance; a mean probability below `WEAK_SCORE` what it lacks to it, in parts of
    it, halved.

    Args:
        figures: of consecutive frames.
        corrected: frames that a person has drawn; they need no look.
        swaps: likely changes of places.
        unlike: by frame and object, how unlike it is to what a person drew of it, 0 to 1.
    """
    found = [
        Look(s.index, s.one, "swap", round(1 - s.crossed / 10, 4), s.other)
        for s in swaps
        if s.index not in corrected
    ]
    for (index, i), far in (unlike or {}).items():
        if far > UNLIKE and index not in corrected:
            found.append(Look(index, i, "unlike", round(far / 2, 4)))
    before: dict[int, tuple[int, float]] = {}
    for index in sorted(figures):
        for i, (area, score) in figures[index].items():
            if index not in corrected:
                look = _judged(index, i, before.get(i), area, score)
                found += [look] if look else []
        before = figures[index]
    kept: list[Look] = []
    for look in sorted(found, key=lambda look: (-look.badness, look.index, look.object)):
        near = (k for k in kept if k.object == look.object)
        if all(abs(k.index - look.index) >= APART_FRAMES for k in near):
            kept.append(look)
    return kept[:MOST]


def _judged(
    index: int, object_id: int, before: tuple[int, float] | None, area: int, score: float
) -> Look | None:
    """What is wrong with an object in a frame, if anything."""
    earlier = before[0] if before else 0
    if area == 0:
        return Look(index, object_id, "lost", 1.0) if earlier else None
    change = abs(area - earlier) / max(area, earlier) if earlier else 0.0
    if change > JUMP:
        return Look(index, object_id, "jump", round(0.5 + change / 2, 4))
    if score < WEAK_SCORE:
        return Look(index, object_id, "unsure", round((1 - score / WEAK_SCORE) / 2, 4))
    return None
