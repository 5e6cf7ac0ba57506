"""What is said of a folder or list of videos, whatever was done with each."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from propago.cli.arguments import with_flags
from propago.cli.exports import say_exports
from propago.io.manifest import read_manifest

if TYPE_CHECKING:
    from propago.runs.many import ManyResults


def say_many(
    verb: ModuleType,
    many: "ManyResults[Any]",
    *,
    videos: str | Path | None,
    to: Sequence[str] = (),
    remark: Callable[[Any], str] = lambda result: "",
    **reading: Any,
) -> int:
    """Say what came of each video, and write it in other formats; 1 where one failed.

    Args:
        verb: the module of the verb.
        many: what came of them.
        videos: the folder or list; None of masks alone.
        to: other formats.
        remark: what else is said of a video that is done.
        reading: how frames are read.
    """
    sources = {e.name: e.source for e in read_manifest(videos)} if videos else {}
    names = (*(result.out.name for result in many.results), *many.failed, *many.kept, "video")
    width = max(map(len, names))
    for note in _notes(many, verb):
        print(note, file=sys.stderr)
    for name in many.kept:
        print(f"kept    {name:<{width}}  done before")
    for result in many.results:
        name = result.out.name
        print(f"done    {name:<{width}}  {result.frames} frames{remark(result)}")
        say_exports(verb, result.out, to, sources.get(name), **reading)
    for name, why in many.failed.items():
        print(f"failed  {name:<{width}}  {with_flags(why, verb)}")
    kept = f"{len(many.kept)} done before, " if many.kept else ""
    print(f"results {many.out} ({kept}{len(many.results)} done, {len(many.failed)} failed)")
    print(f"journal {many.journal}")
    return 1 if many.failed else 0


def _notes(many: "ManyResults[Any]", verb: ModuleType) -> Iterator[str]:
    for result in many.results:
        for note in getattr(result, "notes", ()):
            yield f"note: {result.out.name}: {with_flags(note, verb)}"
