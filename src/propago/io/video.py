"""Open anything that holds frames; write a video. The front door to the files beside this one."""

from pathlib import Path

from propago.errors import SourceError, UsageError
from propago.io.array_source import Arrays, open_arrays
from propago.io.contrast import Contrast, require_contrast
from propago.io.davis import is_davis_root, open_davis
from propago.io.decoding import open_video
from propago.io.pace import paced
from propago.io.source import Source, selection
from propago.io.stills import (
    STILL_SUFFIXES,
    TIFF_SUFFIXES,
    is_still,
    open_stills,
    pictures_in,
    stills_in,
    stills_matching,
)
from propago.io.tiff import open_tiff
from propago.io.writer import VideoWriter

__all__ = [
    "STILL_SUFFIXES",
    "Source",
    "VideoWriter",
    "is_davis_root",
    "open_davis",
    "open_source",
]


def open_source(
    source: str | Path | Arrays,
    *,
    start: int | None = None,
    end: int | None = None,
    every: int = 1,
    contrast: Contrast | None = None,
    channel: int | None = None,
    fps: float | None = None,
) -> Source:
    """Describe a source of frames; at most its first frames are decoded before it is iterated.

    `open_video`, `open_stills` and `open_tiff` say how orientation, time and 16 bits are treated.

    Args:
        source: a video file, a folder of images, a glob pattern of images, a multi-page TIFF; or
            pictures in memory: (T, H, W, 3) RGB, (T, H, W) grey, or a list of such pictures.
        start: first index to select, in the source's own counting from 0.
        end: index behind the last one to select.
        every: select every n-th frame from start on.
        contrast: the stored values that become black and white; 0 and 255 of 8 bits, and of others
            what `contrast_of` finds, if None.
        channel: of a TIFF with several channels, counted from 1; the first if None.
        fps: of pictures, how many are shown a second; a video says it itself.

    Raises:
        UsageError: start, end or every choose nothing, or an illegal contrast, channel or fps.
        SourceError: missing, unreadable, of unknown kind, or nothing selected.
    """
    require_contrast(contrast)
    wanted = selection(start, end, every)
    return paced(_opened(source, wanted, contrast, channel), fps)


def _opened(
    source: str | Path | Arrays, wanted: range, contrast: Contrast | None, channel: int | None
) -> Source:
    if not isinstance(source, str | Path):
        return open_arrays(source, wanted, contrast)
    path = Path(source)
    if path.is_dir():
        if is_davis_root(path):
            raise SourceError(
                f"{path} is a DAVIS root with many sequences; choose some with `set`, or "
                "give the folder of one sequence in its JPEGImages"
            )
        return open_stills(stills_in(path), path.resolve().name, path, wanted, contrast, channel)
    if not path.exists():
        return _open_glob(str(source), wanted, contrast, channel)
    if path.suffix.lower() in TIFF_SUFFIXES:
        return open_tiff(path, wanted, contrast, channel)
    if is_still(path) and pictures_in(path) == 1:
        raise SourceError(f"{path} is one image: give its folder; {_legal()}")
    if path.suffix.lower() == ".webp":
        raise SourceError(
            f"{path} is an animation, which FFmpeg reads as .gif or .apng alone: convert it; "
            f"{_legal()}"
        )
    if channel is not None:
        raise UsageError(f"`channel` is for TIFFs of several channels; {path} is none")
    try:
        return open_video(path, wanted, contrast)
    except SourceError as error:
        raise SourceError(f"{error}; {_legal()}") from error


def _open_glob(
    pattern: str, wanted: range, contrast: Contrast | None, channel: int | None
) -> Source:
    if not any(mark in pattern for mark in "*?["):
        raise SourceError(f"{pattern} does not exist; {_legal()}").of_argument()
    path = Path(pattern)
    name = path.parent.resolve().name
    return open_stills(stills_matching(pattern), name, path, wanted, contrast, channel)


def _legal() -> str:
    return (
        "legal are videos that FFmpeg reads (.mp4, .mkv, .avi, .mts, .gif, ...), "
        f"folders and quoted globs of images "
        f"({', '.join(STILL_SUFFIXES)}), multi-page TIFFs and DAVIS roots"
    )
