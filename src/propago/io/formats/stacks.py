"""A video's label maps in one file: pages of a TIFF, or an array (T, H, W) of .npy or .npz.

Names of frames stand in the pages' PageName, in an array "names" beside "labels" in .npz, and
nowhere in .npy. A TIFF of ids above 254, and such an array, has 16 bits and no void.
"""

import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from propago.detections import Detections
from propago.errors import MaskError, SourceError
from propago.io.atomic import replacing
from propago.io.detection_sequence import DetectionSequence, Reader, other_size
from propago.io.instances import FrameInstances, InstanceSequence
from propago.io.rle import decode
from propago.io.tiff_axes import all_pages
from propago.io.tiff_pages import TiffPage, read_page, tiff_pages
from propago.io.tiff_writer import PAGE_NAME, TiffWriter

_TIFFS, _ARRAYS = (".tif", ".tiff"), (".npy", ".npz")
LABELS, NAMES = "labels", "names"


def sniff_tiff(path: Path) -> bool:
    """Whether it is a .tif or .tiff file."""
    return path.suffix.lower() in _TIFFS and path.is_file()


def sniff_array(path: Path) -> bool:
    """Whether it is an .npy or .npz file."""
    return path.suffix.lower() in _ARRAYS and path.is_file()


def read_tiff(path: Path) -> list[InstanceSequence]:
    """The pages, by PageName where all have one that differs, else by number from 00000.

    Raises:
        SourceError: unreadable, or no TIFF.
        MaskError: pages of colours or fractions.
    """
    pages = all_pages(path, tiff_pages(path))
    named = [
        bytes(page.tags.get(PAGE_NAME, ())).rstrip(b"\0").decode("utf-8", "replace")
        for page in pages
    ]
    names = named if all(named) and len(set(named)) == len(named) else _numbers(len(pages))
    readers = {n: partial(_page, path, page) for n, page in zip(names, pages, strict=True)}
    return [InstanceSequence(path.stem, readers)]


def write_tiff(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """A classic TIFF: 8 or 16 bits, each page one deflated strip, a page a frame."""
    (video,) = videos
    wide = _is_wide(video)
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        pages = TiffWriter(file)
        for name, found in video:
            pages.append(found.labels(wide=wide), name)


def read_array(path: Path) -> list[InstanceSequence]:
    """The frames of an array (T, H, W), or (H, W) for one, of whole numbers or bool.

    Raises:
        SourceError: unreadable, or several arrays of which none is "labels".
        MaskError: another shape or type.
    """
    values, names = _loaded(path)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or values.dtype.kind not in "biu":
        raise MaskError(
            f"{path} holds {values.shape} {values.dtype}; label maps are (T, H, W), whole numbers "
            "or bool"
        )
    if len(names or values) != len(values):
        raise MaskError(f"{path} has {len(values)} label maps and {len(names)} names")
    readers = {
        name: partial(_frame, values, n, path)
        for n, name in enumerate(names or _numbers(len(values)))
    }
    return [InstanceSequence(path.stem, readers)]


def write_npy(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """(T, H, W) uint8, or uint16 where an id exceeds 254."""
    (video,) = videos
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        _write_array(file, video)


def write_npz(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """The array of `write_npy` as "labels", and "names" of the frames, compressed."""
    (video,) = videos
    with (
        replacing(path) as unfinished,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        with packed.open(f"{LABELS}.npy", "w", force_zip64=True) as file:
            _write_array(file, video)
        with packed.open(f"{NAMES}.npy", "w") as file:
            np.lib.format.write_array(file, np.array(list(video.readers), "U"))


def sniff_detections(path: Path) -> bool:
    """Whether it is a .tif, .tiff, .npy or .npz file."""
    return sniff_tiff(path) or sniff_array(path)


def read_detections(path: Path) -> DetectionSequence:
    """The objects of each map, whose ids mean nothing from map to map; white alone is an object.

    A map belongs to the frame of its name, or of its place among all frames.

    Raises:
        SourceError: unreadable.
        MaskError: no label maps.
    """
    (video,) = read_tiff(path) if sniff_tiff(path) else read_array(path)
    placed = list(video.readers) == _numbers(len(video.readers))
    readers: dict[str | int, Reader] = {
        n if placed else name: partial(_objects, read, f"{path}, map {n}")
        for n, (name, read) in enumerate(video.readers.items())
    }
    return DetectionSequence(path, readers, {1: "object"}, every_frame=False)


def _objects(read: Callable[[], FrameInstances], where: str, size: tuple[int, int]) -> Detections:
    found = read()
    if found.size != size:
        raise other_size(where, found.size, size)
    white = () if found.void is None else (found.void,)
    return Detections.of_masks(decode([one.rle for one in found.instances] or white, size))


def _numbers(n: int) -> list[str]:
    return [f"{i:05d}" for i in range(n)]


def _is_wide(video: InstanceSequence) -> bool:
    return any([found.is_wide for _, found in video])


def _page(path: Path, page: TiffPage) -> FrameInstances:
    return _of_values(read_page(path, page), f"{path}, page {page.index}")


def _frame(values: np.ndarray, n: int, path: Path) -> FrameInstances:
    return _of_values(values[n], f"{path}, frame {n}")


def _of_values(values: np.ndarray, where: str) -> FrameInstances:
    if values.dtype == bool:
        values = values.astype(np.uint8)
    whole = values.ndim == 2 and (values.dtype.kind in "iu" or (values == np.rint(values)).all())
    if not whole or values.min(initial=0) < 0 or values.max(initial=0) > 65535:
        raise MaskError(
            f"{where}: {values.shape} {values.dtype} is no label map: whole numbers from 0 to "
            "65535, one a pixel"
        )
    return FrameInstances.of_masks(values if values.dtype == np.uint8 else values.astype(np.uint16))


def _loaded(path: Path) -> tuple[np.ndarray, list[str]]:
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False), []
        with np.load(path, allow_pickle=False) as content:
            if LABELS not in content.files and len(content.files) != 1:
                raise ValueError(f"it holds {', '.join(content.files) or 'nothing'}")
            key = LABELS if LABELS in content.files else content.files[0]
            names = content[NAMES].tolist() if NAMES in content.files else []
            return content[key], [str(name) for name in names]
    except Exception as error:  # of a damaged file NumPy raises whatever it stumbles over
        raise SourceError(
            f"{path} cannot be read ({error}); an .npz holds label maps (T, H, W) as {LABELS!r}"
        ) from error


def _write_array(file: Any, video: InstanceSequence) -> None:
    wide, size = _is_wide(video), None
    dtype = np.dtype(np.uint16 if wide else np.uint8)
    for name, found in video:
        if size is None:
            size = found.size
            head = {"descr": dtype.str, "fortran_order": False, "shape": (len(video), *size)}
            np.lib.format.write_array_header_1_0(file, head)
        if found.size != size:
            raise MaskError(f"frame {name} is {found.size}, those before {size} (height, width)")
        file.write(found.labels(wide=wide).tobytes())
