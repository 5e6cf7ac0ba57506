"""The sequences a table is made of, refused before they cost anything if they cannot be scored."""

from pathlib import Path

from propago.errors import SourceError, UsageError
from propago.io.davis import is_davis_root, open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.sequence_folders import label_files
from propago.io.source import Source
from propago.jobs.reproduce.options import ReproduceOptions

HINT = "name `sequences`, or another `set`"


def chosen(data: Path, options: ReproduceOptions) -> list[Source]:
    """The chosen sequences of a DAVIS root, each with the ground truth of all its frames.

    Raises:
        UsageError: it has no such sequence.
        SourceError: no DAVIS root, no such set, or a sequence that cannot be read or scored.
    """
    sources = named_sources(data, options)
    for source in sources:
        _require_ground_truth(data, source)
    return sources


def named_sources(data: Path, options: ReproduceOptions) -> list[Source]:
    """The chosen sequences of a DAVIS root.

    Raises:
        UsageError: it has no such sequence.
        SourceError: no DAVIS root, no such set, or a sequence that cannot be read.
    """
    return _named(data, options.sequences) if options.sequences else _of_set(data, options.set)


def _named(data: Path, names: tuple[str, ...]) -> list[Source]:
    there = {source.name: source for source in open_davis(data)}
    missing = [name for name in names if name not in there]
    if missing:
        raise UsageError(f"`sequences` {missing[0]}: {data} has {', '.join(there)}")
    return [there[name] for name in dict.fromkeys(names)]


def _of_set(data: Path, name: str) -> list[Source]:
    try:
        return open_davis(data, Path(name))
    except SourceError as error:
        if not is_davis_root(data):
            raise
        raise SourceError(f"{error}; {HINT}") from error


def _require_ground_truth(data: Path, source: Source) -> None:
    """Refuse a sequence whose label maps are not those of its frames, or fewer than 3."""
    folder = davis_annotations(data, source.name)
    labels, frames = label_files(folder).keys(), set(source.stems or ())
    if labels != frames or len(labels) < 3:
        raise SourceError(
            f"{folder} has {len(labels)} label maps, {source.path} {len(frames)} frames: a table "
            "needs the ground truth of every frame, under the frame's name, and at least 3; "
            f"{HINT}"
        )
