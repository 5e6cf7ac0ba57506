"""Pictures that are read by number, such as files or pages, as a source."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from propago.errors import SourceError
from propago.io.contrast import Contrast, contrast_of
from propago.io.source import Source
from propago.ops.image import image_from_rgb
from propago.types import Frame


@dataclass(frozen=True)
class Pictures:
    """Pictures in order of time.

    Attributes:
        titles: what a message calls each.
        read: (H, W, 3) of any numbers, by number.
        files: those of each; none where they have no files of their own.
        notes: how they were understood.
        interval_s: the time from one to the next, where it is known.
    """

    titles: Sequence[str]
    read: Callable[[int], np.ndarray]
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    interval_s: float | None = None


def picture_source(
    pictures: Pictures, name: str, where: Path, wanted: range, contrast: Contrast | None
) -> Source:
    """A source of pictures, which all have the size and type of the first.

    Args:
        pictures: at least one.
        name: the source's name.
        where: the file, folder or pattern they came from.
        wanted: indices to select.
        contrast: what becomes black and white; `contrast_of` them if None.

    Raises:
        SourceError: the first picture is unreadable, or nothing is selected; while iterating, an
            unreadable picture, or one of another size or type.
    """
    selected = within(wanted, len(pictures.titles), where)
    found, said = (contrast, ()) if contrast else contrast_of(pictures.read, len(pictures.titles))
    like = pictures.read(selected.start)
    return Source(
        name=name,
        path=where,
        size=(int(like.shape[0]), int(like.shape[1])),
        fps=None,
        frame_count=len(selected),
        selected=selected,
        read=partial(_frames, pictures, like.shape[:2], like.dtype, found),
        stems=tuple(path.stem for path in pictures.files) or None,
        files=pictures.files,
        begins=hashlib.sha256(like.tobytes()).hexdigest(),
        contrast=found,
        notes=(*pictures.notes, *said),
    )


def within(wanted: range, count: int, where: Path) -> range:
    """The part of `wanted` that a source of `count` frames has.

    Raises:
        SourceError: there is none.
    """
    selected = range(wanted.start, min(wanted.stop, count), wanted.step)
    if not selected:
        raise SourceError(
            f"{where} has {count} frames, 0 to {count - 1}; starting at {wanted.start} selects none"
        )
    return selected


def _frames(
    pictures: Pictures, size: tuple[int, int], kind: np.dtype, contrast: Contrast, wanted: range
) -> Iterator[Frame]:
    for index in wanted:
        rgb = pictures.read(index)
        if rgb.shape[:2] != size:
            raise SourceError(
                f"{pictures.titles[index]} is {rgb.shape[1]}x{rgb.shape[0]}, the frames before it "
                f"{size[1]}x{size[0]}; all frames of a source have one size"
            )
        if rgb.dtype != kind:
            raise SourceError(
                f"{pictures.titles[index]} holds {rgb.dtype} values, the frames before it {kind}; "
                "all frames of a source have one type: convert some"
            )
        stem = pictures.files[index].stem if pictures.files else f"{index:05d}"
        time_s = None if pictures.interval_s is None else index * pictures.interval_s
        yield Frame(image_from_rgb(rgb, contrast), index, stem, time_s)
