"""What is said of a folder or list of videos, whatever was done with each."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from propago.cli.arguments import say_note, with_flags
from propago.cli.formats import say_exports
from propago.io.manifest import read_manifest

if TYPE_CHECKING:
    from propago.runs.many import ManyResults


def say_many(
    arguments: Any,
    many: "ManyResults[Any]",
    *,
    videos: str | Path | None,
    remark: Callable[[Any], str] = lambda result: "",
    **reading: Any,
) -> int:
    """Say what came of each video, and write it in other formats; 1 where one failed.

    Args:
        arguments: of the verb; `to` are other formats.
        many: what came of them.
        videos: the folder or list; None of masks alone.
        remark: what else is said of a video that is done.
        reading: how frames are read.
    """
    sources = {e.name: e.source for e in read_manifest(videos)} if videos else {}
    names = (*(result.out.name for result in many.results), *many.failed, *many.kept, "video")
    width = max(map(len, names))
    for result in many.results:
        for note in getattr(result, "notes", ()):
            say_note(f"{result.out.name}: {note}", arguments)
    for name in many.kept:
        print(f"kept    {name:<{width}}  done before")
    for result in many.results:
        name = result.out.name
        print(f"done    {name:<{width}}  {result.frames} frames{remark(result)}")
        say_exports(arguments, result.out, sources.get(name), **reading)
    for name, why in many.failed.items():
        print(f"failed  {name:<{width}}  {with_flags(why, type(arguments))}")
    kept = f"{len(many.kept)} done before, " if many.kept else ""
    print(f"results {many.out} ({kept}{len(many.results)} done, {len(many.failed)} failed)")
    print(f"journal {many.journal}")
    return 1 if many.failed else 0
