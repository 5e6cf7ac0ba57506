"""A folder an object, ID/FRAME.png of 0 and 255 each, as mattes and compositors have them."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from propago.errors import SourceError
from propago.io.atomic import make_folder, replacing
from propago.io.instances import FrameInstances, Instance, InstanceSequence
from propago.io.names import natural_key, visible
from propago.io.raw_masks import read_raw
from propago.io.rle import decode, encode


def sniff_instances(path: Path) -> bool:
    """Whether it is a folder of folders 1, 2, ... with PNGs, and nothing else."""
    return bool(_objects(path))


def read_instances(path: Path) -> list[InstanceSequence]:
    """The one video; in each frame the objects that have a file of it.

    Raises:
        SourceError: there are no such folders.
        MaskError: a file is no picture.
    """
    files: dict[str, dict[int, Path]] = {}
    for object_id, folder in _objects(path).items():
        for file in (f for f in visible(folder) if f.suffix.lower() == ".png"):
            files.setdefault(file.stem, {})[object_id] = file
    if not files:
        raise SourceError(f"{path} has no folders 1, 2, ... of PNGs, one for each object")
    names = sorted(files, key=natural_key)
    return [InstanceSequence(path.resolve().name, {n: partial(_read, files[n]) for n in names})]


def write_instances(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """Write every frame of every object, empty ones too."""
    (video,) = videos
    ids = sorted({one.id for _, found in video for one in found.instances})
    for object_id in ids:
        make_folder(path / str(object_id))
    for name, found in video:
        here = {one.id: one.rle for one in found.instances}
        for object_id, mask in zip(
            ids, decode([here.get(i) for i in ids], found.size), strict=True
        ):
            with replacing(path / str(object_id) / f"{name}.png") as unfinished:
                Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(unfinished, "PNG")


def _objects(path: Path) -> dict[int, Path]:
    inside = visible(path) if path.is_dir() else []
    if not all(p.is_dir() and p.name.isdecimal() and int(p.name) for p in inside):
        return {}
    return {int(p.name): p for p in inside if any(f.suffix.lower() == ".png" for f in visible(p))}


def _read(files: dict[int, Path]) -> FrameInstances:
    found, sizes = list(_masks(files)), set()
    for _, mask in found:
        sizes.add(mask.shape)
    if len(sizes) > 1:
        raise SourceError(
            f"{next(iter(files.values()))} and the others of its frame differ in size"
        )
    (size,) = sizes
    present = [(i, mask) for i, mask in found if mask.any()]
    rles = encode(np.array([mask for _, mask in present], bool).reshape(-1, *size))
    return FrameInstances(
        size, tuple(Instance(i, rle) for (i, _), rle in zip(present, rles, strict=True))
    )


def _masks(files: dict[int, Path]) -> Iterator[tuple[int, np.ndarray]]:
    for object_id, file in sorted(files.items()):
        raw = read_raw(file)
        values = raw.values if raw.values.ndim == 2 else raw.values.max(-1)
        yield object_id, values > raw.full // 2
