"""What `track` wrote: instances.jsonl, a line an instance and frame, and frames.jsonl."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from propago.errors import SourceError
from propago.io.instances import FrameInstances, Instance, InstanceSequence
from propago.io.json_fields import in_words

INSTANCES, FRAMES = "instances.jsonl", "frames.jsonl"


def sniff_instances(path: Path) -> bool:
    """Whether both files are in the folder."""
    return (path / INSTANCES).is_file() and (path / FRAMES).is_file()


def read_instances(path: Path) -> list[InstanceSequence]:
    """The tracks with classes, scores and parents; hidden parts of masks, too.

    Raises:
        SourceError: a file is damaged, or nothing was found in any frame.
    """
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    names: dict[int, str] = {}
    parents: dict[int, int] = {}
    try:
        for line in _lines(path / INSTANCES):
            lines[line["name"]].append(line)
            names[int(line["class_id"])] = str(line["class"])
            if line["parent"]:
                parents[int(line["id"])] = int(line["parent"])
        frames = [str(line["name"]) for line in _lines(path / FRAMES)]
        first = next(iter(lines.values()))[0]
        height, width = first["size"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} holds a damaged run of `track` ({in_words(error)})") from error
    except StopIteration:
        raise SourceError(f"{path}: `track` found no instance in any frame") from None
    readers = {name: partial(_frame, lines[name], (height, width)) for name in frames}
    return [InstanceSequence(path.resolve().name, readers, names, parents)]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _frame(lines: Sequence[dict[str, Any]], size: tuple[int, int]) -> FrameInstances:
    found = (
        Instance(
            line["id"],
            {"size": list(size), "counts": line["rle"]},
            line["class_id"],
            float(line["score"]),
        )
        for line in lines
    )
    return FrameInstances(size, tuple(sorted(found, key=lambda one: one.id)))
