"""What a person has said so far, as a value; and the earlier ones, to be undone and done again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from propago.types import Annotation

_MOST_STEPS, _FEWEST_STEPS, _MOST_BYTES = 100, 8, 256e6


@dataclass(frozen=True)
class StudioObject:
    """How an object is called and shown.

    Attributes:
        name: of a person's choice.
        colour: "#rrggbb".
        ended: the first frame without it by a person's word; None where it does not end.
        class_name: of a track, by a person's word; None where it is what was found.
    """

    name: str
    colour: str
    ended: int | None = None
    class_name: str | None = None


@dataclass(frozen=True)
class Said:
    """All that a person has said of a source; values that are never changed in place.

    Attributes:
        annotations: masks by frame.
        objects: by id.
        lines: the instances of all frames, of a project of tracks.
        corrections: what was said of whole tracks, as JSON values, in order.
    """

    annotations: Mapping[int, Annotation]
    objects: Mapping[int, StudioObject]
    lines: tuple[dict[str, Any], ...] = ()
    corrections: tuple[dict[str, Any], ...] = ()

    def frames_unlike(self, other: "Said") -> list[int]:
        """The frames of which other masks are said, ascending."""
        one, two = self.annotations, other.annotations
        return sorted(t for t in one.keys() | two.keys() if one.get(t) is not two.get(t))

    def is_same(self, other: "Said") -> bool:
        """Whether nothing was said between the two."""
        return (
            self.lines is other.lines
            and self.objects == other.objects
            and not self.frames_unlike(other)
        )


class History:
    """The steps behind and before what is said now; the oldest goes where memory is bounded."""

    def __init__(self, frame_bytes: int) -> None:
        """`frame_bytes`: of a mask, of which a step may hold one that no other holds."""
        bounded = int(_MOST_BYTES // max(frame_bytes, 1))
        self._most = min(max(bounded, _FEWEST_STEPS), _MOST_STEPS)
        self._past: list[Said] = []
        self._future: list[Said] = []

    @property
    def steps(self) -> tuple[int, int]:
        """How many can be undone, and done again."""
        return len(self._past), len(self._future)

    def add(self, before: Said) -> None:
        """A step: `before` is what was said until now."""
        self._past = [*self._past, before][-self._most :]
        self._future = []

    def undo(self, now: Said) -> Said | None:
        """What was said before the last step; None where there is none."""
        return _moved(self._past, self._future, now)

    def redo(self, now: Said) -> Said | None:
        """What was said before the last undo; None where there is none."""
        return _moved(self._future, self._past, now)


def _moved(source: list[Said], target: list[Said], now: Said) -> Said | None:
    if not source:
        return None
    target.append(now)
    return source.pop()
