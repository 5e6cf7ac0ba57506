"""Many videos: a folder of them with masks beside them, or a list in a text or CSV file.

Imports nothing heavy.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from propago.errors import SourceError, UsageError
from propago.io.names import visible

LISTS = (".txt", ".csv", ".tsv")
VIDEOS = (
    *(".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".mxf", ".ogv"),
)
_MASKS = (".png", ".tif", ".tiff", ".bmp", ".gif", ".npy", ".npz")
_HEADS = ("source", "video", "path")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class ManifestEntry:
    """One video of many.

    Attributes:
        name: of its results; no two have the same.
        source: a video, or a folder of frames.
        masks: what is given of it; None where nothing was found.
    """

    name: str
    source: Path
    masks: Path | None


def is_manifest(source: str | Path) -> bool:
    """Whether it is a list of videos, or a folder with videos in it."""
    path = Path(source)
    return (path.suffix.lower() in LISTS and path.is_file()) or bool(_videos(path))


def read_manifest(path: str | Path, masks: Path | None = None) -> list[ManifestEntry]:
    """The videos of a list or folder, in its order.

    A line of a list is a video, or a video and its masks: in a .csv file behind a comma, in others
    behind a tab. Columns may have names: source, masks, name. Paths are relative to the list. Masks
    that are not named are looked for beside the video: NAME.png (or .tif, .npy ...), NAME_mask.png,
    the folders NAME, NAME_masks, masks/NAME, and masks/NAME.png.

    Args:
        path: a list or a folder of videos.
        masks: a folder to look for masks in, instead of that of the video.

    Raises:
        SourceError: it is unreadable or empty.
        UsageError: two videos have the same name.
    """
    path = Path(path)
    rows = [(video, None, None) for video in _videos(path)] if path.is_dir() else _rows(path)
    found = [
        ManifestEntry(
            name or video.stem, video, given or _beside(video.stem, masks or video.parent)
        )
        for video, given, name in rows
    ]
    if not found:
        raise SourceError(f"{path} names no video: a line is a video, or a video and its masks")
    names = [entry.name for entry in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            f"{path} has two videos of the name {twice}; rename one, or name them in a column"
        )
    return found


def shard_of(entries: list[ManifestEntry], shard: str | None) -> list[ManifestEntry]:
    """Every n-th entry, from the i-th on, of a shard "i/n", i from 1 to n; all if None.

    Raises:
        UsageError: no such shard.
    """
    if shard is None:
        return entries
    number, _, count = shard.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 0 < int(number) <= int(count)):
        raise UsageError(f"`shard` is i/n, such as 1/4, i from 1 to n; this is {shard!r}")
    return entries[int(number) - 1 :: int(count)]


def _videos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [p for p in visible(folder) if p.suffix.lower() in VIDEOS and p.is_file()]


def _rows(path: Path) -> list[tuple[Path, Path | None, str | None]]:
    """Source, masks and name of each line."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a list of videos: {error}") from error
    kept = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    separator = _SEPARATORS.get(path.suffix.lower(), "\t")
    cells = [[cell.strip() for cell in row] for row in csv.reader(kept, delimiter=separator)]
    head = ["source", "masks", "name"]
    if cells and cells[0][0].lower() in _HEADS:
        head = ["source", *(cell.lower() for cell in cells.pop(0)[1:])]
    found = []
    for row in cells:
        told = dict(zip(head, row, strict=False))
        given = told.get("masks")
        place = path.parent / given if given else None
        found.append((path.parent / told["source"], place, told.get("name") or None))
    return found


def _beside(stem: str, folder: Path) -> Path | None:
    files = [folder / f"{stem}{mark}{suffix}" for suffix in _MASKS for mark in ("", "_mask")]
    inner = folder / "masks"
    places = (folder / stem, folder / f"{stem}_masks", inner / stem)
    within = [inner / f"{stem}{suffix}" for suffix in _MASKS]
    files = [file for file in (*files, *within) if file.is_file()]
    return next(iter((*files, *(place for place in places if place.is_dir()))), None)
