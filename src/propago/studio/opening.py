"""What a studio begins with: masks that are carried, or tracks that are corrected."""

from collections.abc import Sequence
from pathlib import Path

from propago.errors import UsageError
from propago.io.formats.track_run import sniff_instances
from propago.io.merged_masks import as_paths, read_merged
from propago.io.source import Source
from propago.runs.output_folder import OutputFolder
from propago.studio.project import Project
from propago.studio.track_files import holds_tracks
from propago.studio.tracks import TrackProject


def open_project(
    source: Source,
    output: OutputFolder,
    masks: str | Path | Sequence[str | Path] | None = None,
    *,
    fit: bool = False,
) -> Project:
    """What is worked on: masks that are carried, or the tracks of a folder that `track` wrote.

    Raises:
        UsageError: the folder has other results.
        SourceError: the tracks are damaged.
        MaskError: a given mask or track is illegal.
        OutputError: the folder cannot be used.
    """
    places = as_paths(masks)
    output.refuse([source.path, *places], resume=True)
    tracks = next((place for place in places if sniff_instances(place)), None)
    if tracks is not None and len(places) > 1:
        raise UsageError(f"{tracks} holds tracks: give it alone as `masks`")
    if tracks is not None or holds_tracks(output.root):
        return TrackProject(source, output, tracks)
    given = read_merged(places, source, fit=fit)[0] if places else {}
    return Project(source, output, given)
