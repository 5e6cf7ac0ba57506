"""Many videos: a folder of them with masks beside them, or a list in a text or CSV file.

Instead of masks, what is beside them may be detections.

Imports nothing heavy.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from propago.errors import SourceError, UsageError
from propago.io.names import visible

LISTS = (".txt", ".csv", ".tsv")
VIDEOS = (
    *(".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".mxf", ".ogv"),
)
Kind = Literal["masks", "detections"]
_SUFFIXES = {
    "masks": (".png", ".tif", ".tiff", ".bmp", ".gif", ".npy", ".npz"),
    "detections": (".json", ".txt"),
}
_MARKS = {"masks": ("", "_mask"), "detections": ("", "_detections")}
_HEADS = ("source", "video", "path")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class ManifestEntry:
    """One video of many.

    Attributes:
        name: of its results; no two have the same.
        source: a video, or a folder of frames.
        given: its masks or detections; None where nothing was found.
    """

    name: str
    source: Path
    given: Path | None

    def absolute(self) -> "ManifestEntry":
        """The same wherever a process stands."""
        given = self.given.absolute() if self.given else None
        return ManifestEntry(self.name, self.source.absolute(), given)


def is_manifest(source: str | Path) -> bool:
    """Whether it is a list of videos, or a folder with videos in it."""
    path = Path(source)
    return (path.suffix.lower() in LISTS and path.is_file()) or bool(_videos(path))


def read_manifest(
    path: str | Path, folder: str | Path | None = None, kind: Kind = "masks"
) -> list[ManifestEntry]:
    """The videos of a list or folder, in its order.

    A line of a list is a video, or a video and its masks: in a .csv file behind a comma, in others
    behind a tab. Columns may have names: source, masks, name. Paths are relative to the list. Masks
    that are not named are looked for beside the video: NAME.png (or .tif, .npy ...), NAME_mask.png,
    the folders NAME, NAME_masks, masks/NAME, and masks/NAME.png. Detections are looked for only in
    a `folder`: NAME.json (or .txt), NAME_detections.json, and so on.

    Args:
        path: a list or a folder of videos.
        folder: to look for masks or detections in, instead of that of the video.
        kind: what is looked for, and what its column is called.

    Raises:
        SourceError: it is unreadable or empty.
        UsageError: two videos have the same name.
    """
    path = Path(path)
    rows = [(video, None, None) for video in _videos(path)] if path.is_dir() else _rows(path, kind)
    found = [
        ManifestEntry(name or video.stem, video, given or _looked_for(video, folder, kind))
        for video, given, name in rows
    ]
    if not found:
        raise SourceError(f"{path} names no video: a line is a video, or a video and its {kind}")
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


def _rows(path: Path, kind: Kind) -> list[tuple[Path, Path | None, str | None]]:
    """Source, what is given, and name of each line."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a list of videos: {error}") from error
    kept = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    separator = _SEPARATORS.get(path.suffix.lower(), "\t")
    cells = [[cell.strip() for cell in row] for row in csv.reader(kept, delimiter=separator)]
    head = ["source", kind, "name"]
    if cells and cells[0][0].lower() in _HEADS:
        head = ["source", *(cell.lower() for cell in cells.pop(0)[1:])]
    found = []
    for row in cells:
        told = dict(zip(head, row, strict=False))
        given = told.get(kind)
        place = path.parent / given if given else None
        found.append((path.parent / told["source"], place, told.get("name") or None))
    return found


def _looked_for(video: Path, folder: str | Path | None, kind: Kind) -> Path | None:
    if folder is None and kind != "masks":
        return None
    stem, around, suffixes = video.stem, Path(folder or video.parent), _SUFFIXES[kind]
    inner = around / kind
    files = [around / f"{stem}{mark}{suffix}" for suffix in suffixes for mark in _MARKS[kind]]
    files += [inner / f"{stem}{suffix}" for suffix in suffixes]
    folders = (around / stem, around / f"{stem}_{kind}", inner / stem)
    found = [file for file in files if file.is_file()]
    return next(iter((*found, *(place for place in folders if place.is_dir()))), None)
