"""What can be taken out of a studio beside the masks: files in its folder, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from propago.errors import UsageError
from propago.io.atomic import make_folder, remove, replacing
from propago.io.conversion import read_videos, write_videos
from propago.io.video_formats import video_format
from propago.runs.writers import OverlayWriter
from propago.studio.project import Project
from propago.studio.tracks import TrackProject


@dataclass(frozen=True)
class Export:
    """One of them.

    Attributes:
        title: as a person reads it.
        file: its name in the folder.
        write: makes it.
    """

    title: str
    file: str
    write: Callable[[Project, Path], None]

    def path(self, project: Project) -> Path:
        """Where it lies."""
        return project.output.root / self.file


def export(name: str, project: Project) -> Path:
    """Write an export of the results so far; where it lies.

    Raises:
        UsageError: no such export, or no results yet.
        OutputError: it cannot be written.
    """
    if name not in EXPORTS:
        raise UsageError(f"there is no export {name!r}; there are {', '.join(EXPORTS)}")
    if isinstance(project, TrackProject):
        project.save()
    if not project.output.masks.is_dir():
        raise UsageError("there is nothing to export yet: carry the masks through the video first")
    path = EXPORTS[name].path(project)
    EXPORTS[name].write(project, path)
    return path


def _write_overlay(project: Project, path: Path) -> None:
    remove(path)
    OverlayWriter(project.source).complete(project.output, len(project.figures), None)


def _write_zip(project: Project, path: Path) -> None:
    with replacing(path) as unfinished, ZipFile(unfinished, "w", ZIP_STORED) as archive:
        for mask in sorted(project.output.masks.glob("*.png")):
            archive.write(mask, f"masks/{mask.name}")


def _write_format(name: str) -> Callable[[Project, Path], None]:
    """What writes a format of `propago.io.video_formats`."""

    def write(project: Project, path: Path) -> None:
        make_folder(path.parent)
        tracked = isinstance(project, TrackProject)
        found = (
            read_videos(project.output.root, "track-run")
            if tracked
            else read_videos(project.output.masks, "label-maps")
        )
        write_videos(path, found, name)

    return write


EXPORTS = {
    "masks": Export("Masks, a PNG a frame (zip)", "masks.zip", _write_zip),
    "overlay": Export("Video with the masks drawn in", "overlay.mp4", _write_overlay),
} | {
    name: Export(title, f"exported/{name}{video_format(name).suffix}", _write_format(name))
    for name, title in (
        ("csv", "Table of areas and places (CSV)"),
        ("youtube-vis", "YouTube-VIS (JSON)"),
        ("coco", "COCO (JSON)"),
        ("cvat", "CVAT (XML)"),
        ("mots", "MOTS (text)"),
    )
}
"""By name; the formats lie where `segment` with `to` puts them."""
