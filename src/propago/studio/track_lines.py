"""Instances of tracks as lines of instances.jsonl: renumbered, joined, drawn over, made a map."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from propago.conventions import VOID
from propago.errors import MaskError
from propago.io.instances import FrameInstances, Instance
from propago.io.rle import as_text, coco_mask, decode, encode
from propago.runs.track_writers import measured
from propago.types import Annotation

Line = dict[str, Any]
"""An instance in a frame, or a frame."""


def refuse_others(lines: Iterable[Line], size: tuple[int, int]) -> None:
    """Refuse tracks that the studio cannot show on frames of a `size` (height, width).

    Raises:
        MaskError: they are of frames of another size, or an id is above 254.
    """
    for line in lines:
        if tuple(line["size"]) != size:
            raise MaskError(
                f"the tracks are of frames of {line['size']}, the source has {size} "
                "(height, width): give the video that was tracked"
            )
        if line["id"] >= VOID:
            raise MaskError(f"the studio shows tracks 1 to 254; there is track {line['id']}")


def classes_of(lines: Iterable[Line]) -> dict[int, str]:
    """The name of the class of each track: its most frequent one."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for line in lines:
        found[line["id"]][line["class"]] += 1
    return {i: counts.most_common(1)[0][0] for i, counts in sorted(found.items())}


def by_frame(lines: Iterable[Line]) -> dict[int, list[Line]]:
    """Those of each frame that has any."""
    found: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        found[line["index"]].append(line)
    return dict(found)


def labels_of(lines: Sequence[Line], size: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8 label map of the instances of a frame, the more confident in front."""
    found = [Instance(x["id"], _rle(x), x["class_id"], x["score"]) for x in lines]
    return FrameInstances(size, tuple(found)).labels(wide=False)


def renumbered(lines: Sequence[Line], change: Callable[[int, int], int]) -> tuple[Line, ...]:
    """The lines, each with the id that `change` (frame, id) says, in order of time.

    With 0 an instance goes. Instances of a frame that come to have one id become one: what had
    the id before, with the masks of all and the best score. A parent is renumbered as in the last
    frame that shows it; what would be its own parent has none.
    """
    last: dict[int, int] = {}
    for line in lines:
        last[line["id"]] = max(line["index"], last.get(line["id"], 0))
    found: dict[tuple[int, int], list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda x: change(x["index"], x["id"]) != x["id"]):
        if new := change(line["index"], line["id"]):
            parent = line["parent"] and change(last.get(line["parent"], 0), line["parent"])
            kept = line | {"id": new, "parent": 0 if parent == new else parent}
            found[line["index"], new].append(kept)
    return tuple(sorted(map(_union, found.values()), key=lambda line: line["index"]))


def drawn_over(
    frame: Line, lines: Sequence[Line], drawn: Annotation, classes: Mapping[int, str]
) -> list[Line]:
    """The instances of a frame, with what a person drew in place of what was found.

    Args:
        frame: its line in frames.jsonl.
        lines: what was found.
        drawn: by a person, of the frames' size.
        classes: the name of the class of each track; "object" where it is missing.
    """
    claimed, size, made = np.isin(drawn.labels, drawn.ids), drawn.labels.shape, []
    for line in lines:
        if line["id"] not in drawn.ids:
            mask = decode([_rle(line)], (size[0], size[1]))[0] & ~claimed
            made += [_changed(line, mask)] if mask.any() else []
    before = {line["id"]: line for line in lines}
    for i in drawn.ids:
        new = {"index": frame["index"], "name": frame["name"], "time_s": frame.get("time_s")}
        new |= {"id": i, "class_id": 0, "class": classes.get(i, "object")}
        base = before.get(i, new | {"parent": 0, "size": list(size)})
        made.append(_changed(base | {"score": 1.0}, drawn.labels == i))
    return made


def _rle(line: Line) -> dict[str, Any]:
    return {"size": line["size"], "counts": line["rle"]}


def _union(lines: Sequence[Line]) -> Line:
    """Instances of a frame as one: the first, with the masks of all and the best score."""
    if len(lines) == 1:
        return lines[0]
    both = as_text(coco_mask.merge([_rle(line) for line in lines]))
    size = (lines[0]["size"][0], lines[0]["size"][1])
    score = max(line["score"] for line in lines)
    return _changed(lines[0] | {"score": score}, decode([both], size)[0])


def _changed(line: Line, mask: np.ndarray) -> Line:
    """The line with another mask, which is not empty."""
    place: Mapping[str, Any] = measured(mask) or {}
    return {**line, **place, "rle": encode(mask[None])[0]["counts"]}
