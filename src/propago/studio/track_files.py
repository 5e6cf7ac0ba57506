"""The files of corrected tracks that are in work, and where they come from."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from propago.errors import OutputError, SourceError, UsageError
from propago.io.atomic import make_folder, replacing
from propago.runs.output_folder import OutputFolder
from propago.studio.project_files import SETTINGS, read_settings, write_settings
from propago.studio.track_lines import Line

CORRECTED, FRAMES, RECORD = "corrected.jsonl", "tracked_frames.jsonl", "tracked_run.json"


def holds_tracks(folder: Path) -> bool:
    """Whether a studio's folder has tracks in work."""
    return (folder / CORRECTED).is_file()


def read_lines(path: Path) -> tuple[Line, ...]:
    """The lines of a file.

    Raises:
        SourceError: it is damaged.
    """
    try:
        return tuple(json.loads(line) for line in path.read_text("utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} is damaged ({error}); track again") from error


def write_lines(path: Path, lines: Iterable[Line]) -> None:
    """Write them, all or none.

    Raises:
        OutputError: they cannot be written.
    """
    with replacing(path) as unfinished:
        unfinished.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def copy_tracks(tracks: OutputFolder, output: OutputFolder) -> None:
    """Begin a studio's folder with the tracks of another one.

    Raises:
        UsageError: both are the same folder, or `output` has other results.
        OutputError: they cannot be copied.
    """
    if tracks.root.resolve() == output.root.resolve():
        raise UsageError(f"{tracks.root} is what is corrected and stays: choose another `out`")
    if output.record.exists() or (output.root / "annotations").exists():
        raise UsageError(f"{output.root} holds other masks, not of tracks: choose another `out`")
    make_folder(output.root)
    try:
        shutil.copyfile(tracks.frames, output.root / FRAMES)
        if named := read_settings(tracks.root / SETTINGS):
            write_settings(output.root / SETTINGS, named | {"corrections": []})
        if tracks.record.exists():
            shutil.copyfile(tracks.record, output.root / RECORD)
        with replacing(output.root / CORRECTED) as unfinished:
            shutil.copyfile(tracks.instances, unfinished)
    except OSError as error:
        raise OutputError(f"{tracks.root} cannot be copied to {output.root}: {error}") from error
