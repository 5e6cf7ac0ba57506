"""Annotated videos of any format: told, read, written."""

import re
from collections.abc import Sequence
from pathlib import Path

from propago.errors import SourceError, UsageError
from propago.io.atomic import make_folder
from propago.io.formats.mattes import MatteOptions
from propago.io.instances import InstanceSequence
from propago.io.soft_masks import soft_masks_in
from propago.io.source import Source
from propago.io.video_formats import VIDEO_FORMATS, VideoFormat, video_format
from propago.io.zipped import unpacked

_LIKE_A_FILE = re.compile(r"\.[a-z]{2,5}\d?")


def sniffed(path: Path) -> str:
    """The name of the first format that knows `path`.

    Raises:
        SourceError: nothing there, or none knows it.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist; give a file or folder of masks")
    for name, form in VIDEO_FORMATS.items():
        if form.sniff and form.call(form.sniff, path):
            return "label-maps" if name == "youtube-vos" and not _has_meta(path) else name
    raise SourceError(
        f"{path} holds no masks in a known format; there are {', '.join(VIDEO_FORMATS)}"
    )


def format_to_read(masks: Path, form: VideoFormat) -> str:
    """The format of masks that become `form`: the soft ones of a run where it holds soft edges.

    Raises:
        SourceError: nothing there, or no format knows it.
    """
    soft = "soft edges" in form.holds and masks.is_dir() and bool(soft_masks_in(masks))
    return "soft-masks" if soft else sniffed(masks)


def format_for(path: Path) -> str:
    """The format that the name of an output means: a suffix of files, else label maps.

    Raises:
        UsageError: a suffix of files that no format has, and no folder of that name is there.
    """
    suffix = {".tiff": ".tif"}.get(path.suffix.lower(), path.suffix.lower())
    by_suffix = {form.suffix: n for n, form in reversed(VIDEO_FORMATS.items()) if form.suffix}
    if suffix in by_suffix:
        return by_suffix[suffix]
    if _LIKE_A_FILE.fullmatch(suffix) and not path.is_dir():
        raise UsageError(
            f"{path}: no format has files that end in {suffix}; there are "
            f"{', '.join(sorted(by_suffix))}. "
            "A folder of that name: say `to_format` label-maps"
        )
    return "label-maps"


def read_videos(path: Path, name: str, source: Source | None = None) -> list[InstanceSequence]:
    """The videos in a file or folder of the format `name`.

    Raises:
        UsageError: no such format, one that cannot be read, or one that needs the frames.
        SourceError: unreadable.
        MaskError: an illegal mask.
    """
    form, path = video_format(name), unpacked(path)
    if not form.read:
        raise UsageError(f"{name} can be written only")
    if form.needs_source != "read":
        return form.call(form.read, path)
    return form.call(form.read, path, _required(source, name))


def write_videos(
    path: Path,
    videos: Sequence[InstanceSequence],
    name: str,
    source: Source | None = None,
    mattes: MatteOptions | None = None,
) -> list[str]:
    """Write videos; what had to change, in sentences.

    Args:
        path: the file or folder.
        videos: one, or several where the format holds several.
        name: of the format.
        source: the frames, which mattes need.
        mattes: how these are made.

    Raises:
        UsageError: the format needs the frames.
        MaskError: it cannot hold what comes.
        OutputError: it cannot be written.
    """
    form = writable(name)
    matte = form.needs_source == "write"
    more = (_required(source, name), mattes or MatteOptions()) if matte else ()
    return list(form.call(form.write, path, videos, *more) or ())


def write_each(
    out: Path,
    videos: Sequence[InstanceSequence],
    name: str,
    source: Source | None = None,
    mattes: MatteOptions | None = None,
) -> list[str]:
    """As `write_videos`; several videos in a format of one become files or folders in `out`.

    Raises:
        PropagoError: as `write_videos`.
    """
    form = video_format(name)
    if form.several or len(videos) == 1:
        make_folder(out.parent if form.suffix else out)
        return write_videos(out, videos, name, source, mattes)
    notes = []
    for video in videos:
        place = out / f"{video.name}{form.suffix}"
        make_folder(place.parent if form.suffix else place)
        notes += write_videos(place, [video], name, source, mattes)
    return notes


def writable(name: str) -> VideoFormat:
    """A format by its name, of those that can be written.

    Raises:
        UsageError: there is none of this name, or it is read only.
    """
    form = video_format(name)
    if not form.write:
        raise UsageError(f"{name} is read only; choose another format to write")
    return form


def _required(source: Source | None, name: str) -> Source:
    if source is None:
        raise UsageError(f"{name} needs the frames of the video: give them as `frames`")
    return source


def _has_meta(path: Path) -> bool:
    return (unpacked(path) / "meta.json").is_file()
