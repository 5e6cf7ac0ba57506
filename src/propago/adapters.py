"""Masks of videos in other programs: a table for pandas, labels layers for napari.

Imports neither: pandas when a table is asked for, napari never; it finds the functions by
napari.yaml. `Detections.from_supervision` and `to_supervision` are the adapter of supervision.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from propago.errors import MaskError, PropagoError, UsageError
from propago.io.conversion import format_for, read_videos, sniffed, write_videos
from propago.io.formats.table import COLUMNS, rows_of
from propago.io.instances import FrameInstances, InstanceSequence
from propago.io.places import place_of

LayerData = tuple[np.ndarray, dict[str, Any], str]


def to_pandas(masks: str | Path, from_format: str | None = None) -> Any:
    """A `pandas.DataFrame` of `COLUMNS`, a row for each object in each frame.

    Args:
        masks: a file or folder of any format that `propago.convert` reads.
        from_format: its name; None: the first that knows it.

    Raises:
        UsageError: pandas is not installed.
        PropagoError: as `propago.convert`.
    """
    try:
        make = import_module("pandas").DataFrame
    except ImportError as error:
        raise UsageError(f"pandas cannot be imported ({error}): pip install pandas") from error
    path = place_of(masks, "masks")
    videos = read_videos(path, from_format or sniffed(path))
    rows = [row for video in videos for row in rows_of(video)]
    return make(rows, columns=list(COLUMNS))


def napari_reader(path: str | Sequence[str]) -> Callable[[Any], list[LayerData]] | None:
    """What reads `path` for napari; None where it holds no masks that we know."""
    if not isinstance(path, str):
        return None
    try:
        name = sniffed(Path(path))
    except PropagoError:
        return None
    return partial(_layers, name)


def napari_write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a labels layer of napari in the format that the suffix of `path` means.

    Args:
        path: of the file, or of a folder of label maps where it has no suffix that we know.
        data: (T, H, W) or (H, W) whole numbers from 0 to 65535.
        meta: of the layer; names of frames are those that `napari_reader` left in it, else numbers.

    Returns:
        What was written.
    """
    stack = np.asarray(data)
    stack = stack[None] if stack.ndim == 2 else stack
    whole = stack.ndim == 3 and stack.dtype.kind in "iu"
    if not whole or stack.min(initial=0) < 0 or stack.max(initial=0) > 65535:
        raise MaskError(
            f"a labels layer is (T, H, W) whole numbers from 0 to 65535; this is {stack.shape} "
            f"{stack.dtype}"
        )
    names = meta.get("metadata", {}).get("frame_names", ())
    names = names if len(names) == len(stack) else [f"{n:05d}" for n in range(len(stack))]
    readers = {name: partial(_of_plane, stack[n]) for n, name in enumerate(names)}
    video = InstanceSequence(str(meta.get("name", Path(path).stem)), readers)
    write_videos(Path(path), [video], format_for(Path(path)))
    return [path]


def _layers(name: str, path: Any) -> list[LayerData]:
    """A labels layer of 16 bits a video; what `convert` calls void is background."""
    return [
        (
            np.stack([found.labels(wide=True) for _, found in video]),
            {
                "name": video.name,
                "metadata": {
                    "frame_names": list(video.readers),
                    "class_names": dict(video.class_names),
                },
            },
            "labels",
        )
        for video in read_videos(Path(path), name)
    ]


def _of_plane(plane: np.ndarray) -> FrameInstances:
    return FrameInstances.of_masks(plane.astype(np.uint16))
