"""Where objects end by a person's word."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from propago.errors import UsageError
from propago.io.source import Source
from propago.types import Annotation

End = str | tuple[int, int]
"""The id of an object and the first frame without it: "2@140" or (2, 140)."""

_END = re.compile(r"\s*(\d+)\s*@\s*(\d+)\s*")


def with_ends(
    source: Source, given: Mapping[int, Annotation], ends: Iterable[End]
) -> dict[int, Annotation]:
    """Annotations with objects ended, ascending.

    Args:
        source: the frames they belong to.
        given: masks by `Frame.index`.
        ends: which objects are gone from which frame on.

    Raises:
        UsageError: an end that is not understood, of a frame that is not there, or of an object
            that has no mask before it.
    """
    ended = dict(given)
    for object_id, frame in map(_parsed, ends):
        _refuse_illegal(source, given, object_id, frame)
        said = ended.get(frame) or Annotation(np.zeros(source.size, np.uint8))
        ended[frame] = replace(said, ended=said.ended | {object_id})
    return dict(sorted(ended.items()))


def _parsed(end: End) -> tuple[int, int]:
    if not isinstance(end, str):
        return end
    match = _END.fullmatch(end)
    if match is None:
        raise UsageError(
            f"`end_objects` {end!r} is not understood: an end is ID@FRAME, for example 2@140 where "
            "object 2 is gone from frame 140 on"
        )
    return int(match[1]), int(match[2])


def _refuse_illegal(
    source: Source, given: Mapping[int, Annotation], object_id: int, frame: int
) -> None:
    said = f"`end_objects` {object_id}@{frame}"
    first: dict[int, int] = {}
    for index, masks in sorted(given.items()):
        for i in masks.ids:
            first.setdefault(i, index)
    if first.get(object_id, frame) >= frame:
        known = ", ".join(f"{i} (from frame {t})" for i, t in sorted(first.items()))
        raise UsageError(
            f"{said}: object {object_id} has no mask before frame {frame}; there are objects "
            f"{known}"
        )
    if frame in given and object_id in given[frame].ids:
        raise UsageError(
            f"{said}: object {object_id} has a mask on frame {frame}; it ends there, or has one"
        )
    try:
        source.frame_at(frame)
    except UsageError as error:
        raise UsageError(f"{said}: {error}") from error
