"""A small picture of each track, where it is seen best."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import cv2
import numpy as np

from propago.ops.image import image_to_rgb
from propago.report.page import jpeg_uri
from propago.report.track_page import TrackSummary
from propago.types import Frame

SIDE_PX = 72
MARGIN = 0.15
"""Around a box, as a share of its longer side."""

MOST = 60
"""So many tracks have a picture, those of most frames first."""


def thumbnails(
    tracks: Sequence[TrackSummary], frames_from: Callable[[int], Iterable[Frame]]
) -> dict[int, str]:
    """Pictures by the ids of tracks, as text.

    Args:
        tracks: each knows where it is seen best.
        frames_from: the frames from an index on; each is asked for at most once.
    """
    longest = sorted(tracks, key=lambda track: -track.frames)[:MOST]
    wanted: dict[int, list[TrackSummary]] = defaultdict(list)
    for track in longest:
        wanted[track.best.index].append(track)
    found = {}
    for frame in _frames(sorted(wanted), frames_from):
        picture = image_to_rgb(frame.image)
        for track in wanted[frame.index]:
            found[track.id] = jpeg_uri(_square(picture, track.best.box_xyxy), SIDE_PX)
    return found


def _frames(
    indices: Sequence[int], frames_from: Callable[[int], Iterable[Frame]]
) -> Iterator[Frame]:
    """Those with these rising indices, in one pass."""
    left = list(indices)
    for frame in frames_from(left[0]) if left else ():
        if frame.index == left[0]:
            yield frame
            left.pop(0)
        if not left:
            return


def _square(picture: np.ndarray, box_xyxy: Sequence[float]) -> np.ndarray:
    """The square around a box, in small; grey beside the picture."""
    x0, y0, x1, y1 = box_xyxy
    half = max(x1 - x0, y1 - y0, 1) * (0.5 + MARGIN)
    scale = SIDE_PX / (2 * half)
    corner = (x0 + x1) / 2 - half, (y0 + y1) / 2 - half
    shift = [scale * (0.5 - at) - 0.5 for at in corner]
    to_square = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    blurred = picture if scale >= 1 else cv2.blur(picture, (max(1, round(0.7 / scale)),) * 2)
    grey = (128, 128, 128)
    return cv2.warpAffine(blurred, to_square, (SIDE_PX, SIDE_PX), borderValue=grey)
