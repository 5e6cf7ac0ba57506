"""Videos as folders of label maps, FRAME.png each: plain, as DAVIS and as YouTube-VOS have them.

A folder of label maps is one video, a folder of such folders several. YouTube-VOS says in
meta.json which objects there are, of which category, in which frames.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from propago.errors import MaskError, SourceError
from propago.io.atomic import make_folder, replacing, write_text
from propago.io.davis_layout import ANNOTATIONS
from propago.io.formats import label_maps
from propago.io.formats.json_files import read_json
from propago.io.instances import OBJECT, FrameInstances, Instance, InstanceSequence
from propago.io.json_fields import in_words
from propago.io.mask_sequence import Masks
from propago.io.masks import write_mask
from propago.io.palette import DAVIS_IDS, voc_palette
from propago.io.png import SIGNATURE
from propago.io.raw_masks import read_raw
from propago.io.sequence_folders import find_folders, label_files
from propago.io.zipped import unpacked

META = "meta.json"
SETS = "ImageSets"


def sniff_instances(path: Path) -> bool:
    """Whether there are label maps, in a folder, a folder of folders or a data set's root."""
    try:
        return bool(find_folders(path, (ANNOTATIONS,)).sequences)
    except SourceError:
        return False


def read_instances(path: Path) -> list[InstanceSequence]:
    """Each sequence; colours mean the same in all frames of one.

    Raises:
        SourceError: there are none, or meta.json is damaged.
        MaskError: a picture whose colours are not clean.
    """
    found = find_folders(path, (ANNOTATIONS,))
    categories = _categories(unpacked(path) / META)
    return [
        _sequence(name, folder, categories.get(name, {}))
        for name, folder in found.sequences.items()
    ]


def read_plain(path: Path) -> list[InstanceSequence]:
    """Each sequence of pictures whose values are ids as they stand: grey of 8 or 16 bits."""
    return _each(path, _as_it_stands)


def read_rgb(path: Path) -> list[InstanceSequence]:
    """Each sequence of pictures of the DAVIS colours, which are ids."""
    return _each(path, _by_davis_colours)


def _each(path: Path, read: Callable[[Path], FrameInstances]) -> list[InstanceSequence]:
    return [
        InstanceSequence(name, {f.stem: partial(read, f) for f in label_files(folder).values()})
        for name, folder in find_folders(path, (ANNOTATIONS,)).sequences.items()
    ]


def write_label_maps(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """FRAME.png with the DAVIS palette, or of 16 bits; of several videos in one folder each."""
    for video in videos:
        _write(path if len(videos) == 1 else path / video.name, video)


def write_davis(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """Annotations/480p/SEQUENCE/FRAME.png, and the names of the sequences in a list."""
    for video in videos:
        _write(path / ANNOTATIONS / "480p" / video.name, video)
    make_folder(path / SETS)
    write_text(path / SETS / "all.txt", "".join(f"{video.name}\n" for video in videos))


def write_youtube_vos(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """Annotations/SEQUENCE/FRAME.png, and meta.json."""
    told = {video.name: _write(path / ANNOTATIONS / video.name, video) for video in videos}
    write_text(path / META, json.dumps({"videos": told}, indent=1))


def write_grey(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """FRAME.png, 8-bit grey: the value is the id.

    Raises:
        MaskError: an id exceeds 254.
    """
    _write_plain(path, videos, lambda labels: Image.fromarray(_narrow(labels)))


def write_16_bit(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """FRAME.png, 16-bit grey: the value is the id."""
    _write_plain(path, videos, Image.fromarray, wide=True)


def write_rgb(path: Path, videos: Sequence[InstanceSequence]) -> None:
    """FRAME.png of the DAVIS colours, without a palette.

    Raises:
        MaskError: an id exceeds 254.
    """
    _write_plain(path, videos, lambda labels: Image.fromarray(voc_palette()[_narrow(labels)]))


def _sequence(name: str, folder: Path, objects: Mapping[int, str]) -> InstanceSequence:
    classes = sorted(set(objects.values()))
    class_of = {i: classes.index(category) + 1 for i, category in objects.items()}
    readers = dict(label_maps.read(folder).readers)
    deep = {f.stem: partial(_deep, f) for f in label_files(folder).values() if _is_deep(f)}
    readers |= deep
    return InstanceSequence(
        name,
        {frame: partial(_with_classes, read, class_of) for frame, read in readers.items()},
        dict(enumerate(classes, 1)),
    )


def _is_deep(file: Path) -> bool:
    """Whether it is a PNG of 16 bits a sample."""
    with file.open("rb") as opened:
        head = opened.read(25)
    return head.startswith(SIGNATURE) and head[24:] == b"\x10"


def _deep(file: Path) -> np.ndarray:
    """Ids as they stand, where few of them lie apart too; black and white are object 1."""
    values = _plain_values(file)
    white = set(np.unique(values).tolist()) <= {0, 65535}
    return (values != 0).astype(np.uint8) if white else values


def _with_classes(read: Any, class_of: Mapping[int, int]) -> FrameInstances:
    masks: Masks = read()
    found = FrameInstances.of_masks(masks)
    named = (Instance(i.id, i.rle, class_of.get(i.id, OBJECT)) for i in found.instances)
    return FrameInstances(found.size, tuple(named), found.void)


def _as_it_stands(file: Path) -> FrameInstances:
    return FrameInstances.of_masks(_plain_values(file))


def _by_davis_colours(file: Path) -> FrameInstances:
    values = read_raw(file).by_colour().values
    colours, place = np.unique(values.reshape(-1, 3), axis=0, return_inverse=True)
    shown = [(int(r), int(g), int(b)) for r, g, b in colours]
    if other := [colour for colour in shown if colour not in DAVIS_IDS]:
        raise MaskError(f"{file} has the colour {other[0]}, which is none of DAVIS's palette")
    ids = np.array([DAVIS_IDS[colour] for colour in shown], np.uint8)
    return FrameInstances.of_masks(ids[place].reshape(values.shape[:2]))


def _plain_values(file: Path) -> np.ndarray:
    raw = read_raw(file)
    if raw.values.ndim != 2 or raw.values.dtype not in (np.uint8, np.uint16):
        raise MaskError(f"{file} is no grey picture of 8 or 16 bits; leave the format out")
    return raw.values


def _categories(meta: Path) -> dict[str, dict[int, str]]:
    """The category of each object by sequence; of no sequence where there is no file."""
    if not meta.is_file():
        return {}
    try:
        return {
            name: {int(i): str(one["category"]) for i, one in video["objects"].items()}
            for name, video in read_json(meta)["videos"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{meta} is not as YouTube-VOS has it ({in_words(error)}): videos have objects, "
            "which have a category and frames; mend it or take it away"
        ) from error


def _write(folder: Path, video: InstanceSequence) -> dict[str, Any]:
    """Write the label maps; what meta.json says of the video."""
    make_folder(folder)
    objects: dict[str, dict[str, Any]] = {}
    for name, found in video:
        write_mask(folder / f"{name}.png", found.labels())
        for one in found.instances:
            about = {"category": video.class_name(one.class_id), "frames": []}
            objects.setdefault(str(one.id), about)["frames"].append(name)
    return {"objects": objects}


def _write_plain(
    path: Path, videos: Sequence[InstanceSequence], picture: Any, *, wide: bool | None = None
) -> None:
    for video in videos:
        folder = path if len(videos) == 1 else path / video.name
        make_folder(folder)
        for name, found in video:
            with replacing(folder / f"{name}.png") as unfinished:
                picture(found.labels(wide=wide)).save(unfinished, "PNG")


def _narrow(labels: np.ndarray) -> np.ndarray:
    if labels.dtype != np.uint8:
        raise MaskError(
            f"an id is {labels.max()}, and 8-bit pictures hold 1 to 254: write 16-bit-pngs"
        )
    return labels
