"""Who is who: objects that change places, are the same thing, or become another.

What is said of a frame is drawn on it as a person would; the run that follows carries it on.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from propago.conventions import VOID
from propago.errors import UsageError
from propago.studio.project import Project
from propago.studio.tracks import TrackProject


def say_who_is_who(project: Project, index: int, what: str, one: int, other: int | None) -> None:
    """Swap, merge or split an object, in a project of any kind.

    Args:
        project: in which.
        index: the frame from which on it holds.
        what: swap, merge or split.
        one: the object that is spoken of; merged, it becomes `other`.
        other: the second one.

    Raises:
        UsageError: as the function of that name; the second object is not named.
    """
    tracks = project if isinstance(project, TrackProject) else None
    if what == "split":
        tracks.split(index, one) if tracks else split(project, index, one)
        return
    if other is None:
        raise UsageError(f"{what} needs `other`, the second object")
    if what == "swap":
        tracks.swap(index, one, other) if tracks else swap(project, index, one, other)
    else:
        tracks.merge(other, one) if tracks else merge(project, index, other, one)


def swap(project: Project, index: int, one: int, other: int) -> None:
    """From a frame on each of two objects is what was found of the other.

    Raises:
        UsageError: they are the same object, or the frame does not show both.
    """
    _require_two(project, one, other)
    shown = project.shown(index)
    for i in (one, other):
        _require_shown(project, shown, index, i)
    changed = shown.copy()
    changed[shown == one], changed[shown == other] = other, one
    _draw(project, index, changed, (one, other))


def merge(project: Project, index: int, into: int, other: int) -> None:
    """Two objects are the same thing: all that is said of `other` is said of `into`.

    In the frame at hand, where both may have been found, what is shown of both is drawn as one.

    Raises:
        UsageError: they are the same object, or there is no such object.
    """
    _require_two(project, into, other)
    shown = project.shown(index)
    if other in shown:
        _draw(project, index, np.where(shown == other, into, shown), (into,))
    for t, said in project.annotations.items():
        if other in said.ids:
            project.annotate(t, np.where(said.labels == other, into, said.labels))
    project.forget_object(other)


def split(project: Project, index: int, of: int) -> int:
    """From a frame on, what was found of an object is another one; it ends there.

    Returns:
        The id of the new object.

    Raises:
        UsageError: the frame does not show it, there is no frame before, or 254 objects are there.
    """
    shown = project.shown(index)
    _require_shown(project, shown, index, of)
    if not index:
        raise UsageError("an object becomes another one behind frame 0: choose a later frame")
    new = next((i for i in range(1, VOID) if i not in project.objects), None)
    if new is None:
        raise UsageError("there are 254 objects, the most that a mask can hold")
    for t, said in project.annotations.items():
        if t > index and of in said.ids:
            project.annotate(t, np.where(said.labels == of, new, said.labels))
    drawn = _drawn(project, index)
    project.annotate(index, np.where(drawn == of, 0, drawn))
    _draw(project, index, np.where(shown == of, new, shown), (new,))
    project.rename({**project.objects, of: replace(project.objects[of], ended=index)})
    return new


def _draw(project: Project, index: int, labels: np.ndarray, ids: Sequence[int]) -> None:
    """Draw `ids` as they are in `labels`, beside what else is drawn on the frame."""
    drawn = _drawn(project, index)
    others = np.where(np.isin(drawn, ids), 0, drawn)
    project.annotate(index, np.where(np.isin(labels, ids), labels, others))


def _drawn(project: Project, index: int) -> np.ndarray:
    said = project.annotations.get(index)
    return np.zeros(project.source.size, np.uint8) if said is None else said.labels


def _require_two(project: Project, one: int, other: int) -> None:
    unknown = sorted({one, other} - set(project.objects))
    if unknown:
        raise UsageError(f"there is no object {unknown[0]}; there are {list(project.objects)}")
    if one == other:
        raise UsageError(f"object {one} and object {other} are the same: choose two")


def _require_shown(project: Project, shown: np.ndarray, index: int, i: int) -> None:
    if i not in shown:
        name = project.objects[i].name if i in project.objects else f"object {i}"
        raise UsageError(f"{name} is not shown in frame {index}: go to a frame that shows it")
