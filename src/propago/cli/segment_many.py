"""`propago segment` of a folder or list of videos: what is said of them."""

import sys
from typing import TYPE_CHECKING

from propago.cli.arguments import with_flags
from propago.cli.exports import say_exports
from propago.cli.progress import frame_progress, say_licence
from propago.errors import UsageError
from propago.jobs.manifest import read_manifest

if TYPE_CHECKING:
    from propago.cli.segment import SegmentArguments


def run_many(arguments: "SegmentArguments") -> int:
    """Segment many videos, and say what came of each; 1 where one failed."""
    pointed = arguments.boxes or arguments.clicks
    if pointed or arguments.end_objects or arguments.both_ways:
        raise UsageError(
            "--box, --click, --end-object, --both-ways: for one video; of many, each has its masks"
        )
    if len(arguments.masks) > 1:
        raise UsageError("--masks: of many videos give one folder in which their masks are")
    from propago.jobs.segment_many import segment_many

    module = sys.modules["propago.cli.segment"]
    with frame_progress() as progress:
        many = segment_many(
            arguments.source,
            masks=next(iter(arguments.masks), None),
            out=arguments.out,
            method=arguments.method,
            refine=arguments.refine,
            clean=arguments.clean,
            options=arguments.run,
            jobs=arguments.jobs,
            shard=arguments.shard,
            progress=progress,
        )
    sources = {entry.name: entry.source for entry in read_manifest(arguments.source)}
    if many.results:
        say_licence(many.results[-1].method)
        say_licence(many.results[-1].refiner)
    width = max(map(len, (*(r.out.name for r in many.results), *many.failed, "video")))
    for result in many.results:
        name = result.out.name
        for note in result.notes:
            print(f"note: {name}: {with_flags(note, module)}", file=sys.stderr)
        lost = f", lost {', '.join(map(str, sorted(result.lost)))}" if result.lost else ""
        print(f"done    {name:<{width}}  {result.frames} frames{lost}")
        say_exports(module, result.out, arguments.to, sources[name], **arguments.run.reading)
    for name, why in many.failed.items():
        print(f"failed  {name:<{width}}  {with_flags(why, module)}")
    print(f"results {many.out} ({len(many.results)} done, {len(many.failed)} failed)")
    print(f"journal {many.journal}")
    return 1 if many.failed else 0
