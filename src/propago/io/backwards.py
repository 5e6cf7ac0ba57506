"""A source read backwards, in bounded memory."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from propago.errors import SourceError
from propago.io.source import Source
from propago.ops.image import as_image, image_from_rgb, image_to_rgb
from propago.types import Frame

HELD_BYTES = 96 * 2**20
"""So much of 8-bit pictures is decoded at a time: 81 frames of 854x480."""


def read_backwards(source: Source, last: int, first: int | None = None) -> Source:
    """The selected frames of `source` from `first` (all if None) to `last`, in reverse order.

    They are decoded forwards, a stretch at a time, so that memory does not grow with the video and
    nothing is written. For each stretch a video is decoded from its beginning, which alone is exact
    in every container.

    Returns:
        A source whose frames have the names and times of the given one's, and are counted from 0,
        which is `last`.

    Raises:
        SourceError: while iterating, the source is damaged, or ends before `last`.
    """
    selected = source.selected
    begin = 0 if first is None else selected.index(first)
    indices = selected[begin : selected.index(last) + 1]
    return replace(
        source,
        name=f"{source.name} backwards",
        frame_count=len(indices),
        selected=range(len(indices)),
        read=partial(_read, source, indices),
        stems=None,
        files=(),
    )


def _read(source: Source, indices: range, wanted: range) -> Iterator[Frame]:
    height, width = source.size
    together = max(HELD_BYTES // (3 * height * width), 1)
    for begin in range(wanted.start, wanted.stop, together):
        end = min(begin + together, wanted.stop)
        stretch = indices[len(indices) - end : len(indices) - begin]
        held = [(_compact(frame.image), frame.name, frame.time_s) for frame in source.read(stretch)]
        if len(held) < len(stretch):
            raise SourceError(
                f"{source.path} ends before frame {indices[-1]}, from which it is read backwards; "
                "give a mask of a frame that it has"
            )
        for index in range(begin, end):
            picture, name, time_s = held.pop()
            yield Frame(as_image(picture), index, name, time_s)


def _compact(image: Tensor) -> Tensor | np.ndarray:
    """An image of 8 bits in a quarter of its bytes; any other one as it is."""
    rgb = image_to_rgb(image)
    return rgb if torch.equal(image_from_rgb(rgb), image) else image
