"""`propago convert`: masks of videos from one format into another."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from propago.errors import UsageError
from propago.io.conversion import format_for, format_to_read, read_videos, writable, write_each
from propago.io.formats.mattes import MatteOptions
from propago.io.losses import Counts, lacked, sentences, watched
from propago.io.places import place_of
from propago.io.source import Source
from propago.io.video import open_source
from propago.io.video_formats import VideoFormat, video_format
from propago.io.zipped import unpacked
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder


@dataclass(frozen=True)
class ConvertResult:
    """What was written.

    Attributes:
        out: the file or folder; where several videos are in one each, the folder of these.
        from_format: the name of the format that was read.
        to_format: of the one that was written.
        videos: the names of the videos.
        frames: how many in all.
        objects: how many in all.
        notes: what the new format cannot hold, and what had to change, in sentences.
    """

    out: Path
    from_format: str
    to_format: str
    videos: tuple[str, ...]
    frames: int
    objects: int
    notes: tuple[str, ...] = ()


def convert(  # noqa: PLR0913
    masks: str | Path,
    out: str | Path,
    *,
    from_format: str | None = None,
    to_format: str | None = None,
    frames: str | Path | None = None,
    fps: float | None = None,
    mattes: MatteOptions | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ConvertResult:
    """Write the masks of a video, or of several, in another format.

    Ids and names of frames are kept where the new format can hold them; what it cannot hold is
    said in `notes`. Frames are read one at a time.

    Args:
        masks: a file or folder of any format in `propago.io.video_formats.VIDEO_FORMATS`.
        out: the file or folder to write. Several videos in a format of one video become files or
            folders in `out`.
        from_format: the format of `masks`; None: the first that knows it.
        to_format: the format of `out`; None: what its suffix says, label maps of a folder.
        frames: the video itself, for mattes and formats that do not say how large its frames are.
        fps: of `frames` that are pictures: how many are shown a second.
        mattes: how mattes are made.
        overwrite: replace what is there; other files in a folder stay.
        progress: called as (frames done, frames in all, name of the video).

    Raises:
        UsageError: no such format, `out` exists, or `frames` are needed.
        SourceError: `masks` cannot be read.
        MaskError: an illegal mask, or one that the new format cannot hold at all.
        OutputError: it cannot be written.
    """
    given, out = unpacked(place_of(masks, "masks")), place_of(out, "out")
    to_name = to_format or format_for(out)
    form = writable(to_name)
    _refuse(given, out, form, overwrite)
    from_name = from_format or format_to_read(given, form)
    source = None if frames is None else open_source(frames, fps=fps)
    return _converted(given, from_name, out, to_name, source, mattes, progress)


def export_results(
    masks: str | Path,
    formats: Iterable[str],
    *,
    frames: str | Path | None = None,
    reading: Mapping[str, Any] | None = None,
    mattes: MatteOptions | None = None,
    progress: Progress | None = None,
) -> list[ConvertResult]:
    """Write the results of a run in other formats, too: exported/FORMAT in its folder.

    Args:
        masks: the folder that `segment`, `track`, `refine` or `clean` wrote.
        formats: names in `propago.io.video_formats.VIDEO_FORMATS`; what one of them wrote there
            before is deleted.
        frames: the video, for mattes.
        reading: how its frames are read, see `open_source`.
        mattes: how mattes are made.
        progress: as for `convert`.

    Raises:
        PropagoError: as `convert`.
    """
    given, results = Path(masks), []
    for name in formats:
        form = writable(name)
        out = OutputFolder(given).exported / f"{name}{form.suffix}"
        if out.is_dir():
            shutil.rmtree(out)
        source = None
        if frames is not None and form.needs_source:
            source = open_source(frames, **(reading or {}))
        from_name = format_to_read(given, form)
        results.append(_converted(given, from_name, out, name, source, mattes, progress))
    return results


def _converted(
    given: Path,
    from_name: str,
    out: Path,
    to_name: str,
    source: Source | None,
    mattes: MatteOptions | None,
    progress: Progress | None,
) -> ConvertResult:
    videos = read_videos(given, from_name, source)
    counts, total = Counts(), {video.name: len(video) for video in videos}

    def seen(done: int, name: str) -> None:
        if progress:
            progress(done, total[name], name)

    passing = [watched(video, counts, seen) for video in videos]
    notes = write_each(out, passing, to_name, source, mattes)
    came, holds = video_format(from_name).holds, video_format(to_name).holds
    return ConvertResult(
        out,
        from_name,
        to_name,
        tuple(total),
        counts.frames,
        len(counts.objects),
        (*lacked(came, from_name), *sentences(counts, holds, to_name), *notes),
    )


def _refuse(masks: Path, out: Path, form: VideoFormat, overwrite: bool) -> None:
    if out.resolve() == masks.resolve() or masks.resolve() in out.resolve().parents:
        raise UsageError(f"`out` {out} lies in {masks}, which is read; choose another place")
    if out.is_file() and not form.suffix:
        raise UsageError(f"`out` {out} is a file, and this format is a folder; choose a folder")
    there = any(out.iterdir()) if out.is_dir() else out.exists()
    if there and not overwrite:
        raise UsageError(
            f"`out` {out} is there already: `overwrite` replaces it, or choose another"
        )
