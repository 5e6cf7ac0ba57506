"""What can be taken out of a studio beside the masks: files in its folder, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from propago.errors import UsageError
from propago.io.atomic import remove, replacing
from propago.io.formats import mask_format, open_masks
from propago.runs.writers import OverlayWriter
from propago.studio.project import Project


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


def _write_youtube_vis(project: Project, path: Path) -> None:
    mask_format("youtube-vis").write(path, open_masks(project.output.masks))


EXPORTS = {
    "masks": Export("Masks, a PNG a frame (zip)", "masks.zip", _write_zip),
    "overlay": Export("Video with the masks drawn in", "overlay.mp4", _write_overlay),
    "youtube-vis": Export("YouTube-VIS results (JSON)", "youtube-vis.json", _write_youtube_vis),
}
"""By name."""
