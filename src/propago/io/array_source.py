"""Pictures in memory as a source, where they can be taken by number."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from propago.errors import SourceError
from propago.io.contrast import Contrast
from propago.io.picture_source import Pictures, picture_source
from propago.io.source import Source

NAME = "array"
"""What a run on pictures in memory is called."""

Arrays = np.ndarray | Sequence[np.ndarray]
"""(T, H, W, 3) RGB or (T, H, W) grey, or a list of (H, W, 3) or (H, W)."""


def open_arrays(pictures: Arrays, wanted: range, contrast: Contrast | None) -> Source:
    """A source of pictures in memory.

    Args:
        pictures: of one size and type; uint8, or of any numbers, of which `contrast` becomes black
            and white.
        wanted: indices to select.
        contrast: as for `picture_source`.

    Raises:
        SourceError: none, or one that is no picture; while iterating, one of another size or type.
    """
    stacked = isinstance(pictures, np.ndarray)
    if (stacked and pictures.ndim not in (3, 4)) or not (stacked or isinstance(pictures, Sequence)):
        raise _no_picture(pictures)
    if len(pictures) == 0:
        raise SourceError("`source` has no picture; it is (T, H, W, 3), or a list of (H, W, 3)")
    titles = [f"picture {n}" for n in range(len(pictures))]
    read = Pictures(titles, lambda n: _rgb(pictures[n]))
    return picture_source(read, NAME, Path(NAME), wanted, contrast)


def _rgb(picture: np.ndarray) -> np.ndarray:
    if not isinstance(picture, np.ndarray) or picture.dtype.kind not in "uif":
        raise _no_picture(picture)
    if picture.ndim == 2:
        return np.repeat(picture[..., None], 3, axis=2)
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise _no_picture(picture)
    return picture


def _no_picture(came: object) -> SourceError:
    what = f"{came.shape} {came.dtype}" if isinstance(came, np.ndarray) else type(came).__name__
    return SourceError(
        f"`source` holds {what}; pictures in memory are (T, H, W, 3) RGB or (T, H, W) grey, or a "
        "list of (H, W, 3) or (H, W) arrays. Of a stream propago.Session takes one at a time"
    )
