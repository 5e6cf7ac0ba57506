"""Which frames are most worth a person's look."""

from collections.abc import Collection
from dataclasses import dataclass

from propago.runs.journal import WEAK_SCORE
from propago.studio.project_files import Figures

JUMP = 0.5
"""An area that changes from frame to frame by more than this share of the larger one has jumped."""

APART_FRAMES = 5
"""Of suspicious frames closer than this, the worst is named."""

MOST = 20


@dataclass(frozen=True)
class Look:
    """A frame worth a look.

    Attributes:
        index: of the frame.
        object: what looks wrong there.
        reason: lost, jump or unsure.
        badness: 0 to 1; lost is worst.
    """

    index: int
    object: int
    reason: str
    badness: float


def worth_a_look(figures: Figures, corrected: Collection[int] = ()) -> list[Look]:
    """The frames in which something most likely went wrong, the worst first.

    An object that was there and is gone is lost (badness 1). An area that jumps has half its share
    of change added to a half; a mean probability below `WEAK_SCORE` what it lacks to it, in parts
    of it, halved.

    Args:
        figures: of consecutive frames.
        corrected: frames that a person has drawn; they need no look.
    """
    found: list[Look] = []
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
