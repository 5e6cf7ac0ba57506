"""What a run of `track` writes beside masks: its instances as lines, a table and tracks."""

# ruff: noqa: D102 -- what is overridden is described in `Writer`

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from propago.detections import Detections
from propago.io.atomic import replacing
from propago.io.masks import write_mask
from propago.io.rle import encode
from propago.ops.regions import region_of
from propago.runs.journal import LineLog
from propago.runs.options import Progress
from propago.runs.output_folder import OutputFolder
from propago.runs.writers import Result, Writer
from propago.types import Frame

COLUMNS = (
    *("frame", "name", "time_s", "id", "class_id", "class", "score"),
    *("x0", "y0", "x1", "y1", "area_px", "centroid_x", "centroid_y", "parent"),
)
"""Of tracks.csv. Pixel (0, 0) reaches from 0 to 1 on both axes; x1 and y1 lie behind the last."""


class TrackedFrame(Result, Protocol):
    """The result of one frame, with the instances in it: `propago.Tracked` of a frame."""

    @property
    def detections(self) -> Detections:
        """With the id of each."""
        ...


class SemanticWriter(Writer[TrackedFrame]):
    """semantic/FRAME.png: the category of every pixel, 0 background."""

    def __init__(self, semantic: Callable[[Frame], np.ndarray]) -> None:
        """`semantic` makes the (H, W) uint8 map of a frame."""
        self._semantic = semantic

    def open(self, output: OutputFolder, after: int | None) -> None:
        self._folder = output.semantic
        output.make(output.semantic)

    def write(self, result: TrackedFrame) -> None:
        write_mask(self._folder / f"{result.frame.name}.png", self._semantic(result.frame))


class InstanceWriter(Writer[TrackedFrame]):
    """instances.jsonl as it goes, a line an instance and frame; from it tracks.csv and .json."""

    def __init__(self, class_names: Mapping[int, str]) -> None:
        """`class_names` of class ids; one without has its number for a name."""
        self._class_names = class_names

    def open(self, output: OutputFolder, after: int | None) -> None:
        for whole in (output.table, output.tracks):
            whole.unlink(missing_ok=True)
        self._log = LineLog(output.instances, after)

    def write(self, result: TrackedFrame) -> None:
        lines = instances_of(result, self._class_names)
        rles = encode(result.detections.masks) if result.detections.masks is not None else []
        size = {"size": list(result.frame.size)}
        self._log.append(*(line | {"rle": rles[n]["counts"]} | size for n, line in lines))

    def sync(self) -> None:
        self._log.sync()

    def close(self, *, failed: bool) -> None:
        self._log.close()

    def complete(self, output: OutputFolder, frames: int, progress: Progress | None) -> None:
        if not output.table.exists():
            write_table(output)
        if not output.tracks.exists():
            write_tracks(output)


def instances_of(
    result: TrackedFrame, class_names: Mapping[int, str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The place of each instance of a frame among its detections, and what is known of it.

    Area and centroid are those of the whole mask, hidden parts too, in pixels; see `COLUMNS`.
    """
    found, frame = result.detections, result.frame
    if found.ids is None or found.masks is None:
        return
    for n, mask in enumerate(found.masks):
        class_id, place = int(found.classes[n]), measured(mask)
        if place is None:
            continue
        line = {
            "index": frame.index,
            "name": frame.name,
            "time_s": frame.time_s,
            "id": int(found.ids[n]),
            "class_id": class_id,
            "class": class_names.get(class_id, str(class_id)),
            "score": round(float(found.confidence[n]), 4),
            **place,
            "parent": 0 if found.parents is None else int(found.parents[n]),
        }
        yield n, line


def measured(mask: np.ndarray) -> dict[str, Any] | None:
    """Box, area and centroid of an (H, W) bool mask, in pixels; None of an empty one."""
    region = region_of(mask)
    if region is None:
        return None
    rows, columns = np.nonzero(region.mask)
    centroid = region.left + columns.mean() + 0.5, region.top + rows.mean() + 0.5
    return {
        "box": list(region.xyxy),
        "area": region.area,
        "centroid": [round(float(c), 2) for c in centroid],
    }


def read_instances(output: OutputFolder) -> Iterator[dict[str, Any]]:
    """The lines of a run, in order of time."""
    with output.instances.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def frame_names(output: OutputFolder) -> list[str]:
    """The names of the frames of a run, in order of time."""
    with output.frames.open(encoding="utf-8") as file:
        return [json.loads(line)["name"] for line in file]


def write_table(output: OutputFolder, names: Mapping[int, str] | None = None) -> None:
    """tracks.csv from the instances; with `names` of tracks a last column has them.

    Raises:
        OutputError: it cannot be written.
    """
    with (
        replacing(output.table) as unfinished,
        unfinished.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file)
        table.writerow((*COLUMNS, "label") if names else COLUMNS)
        for line in read_instances(output):
            time = "" if line["time_s"] is None else f"{round(line['time_s'], 6):.12g}"
            head = (line["index"], line["name"], time, line["id"], line["class_id"], line["class"])
            place = (*line["box"], line["area"], *line["centroid"])
            label = (names.get(line["id"], ""),) if names else ()
            table.writerow((*head, line["score"], *place, line["parent"] or "", *label))


def write_tracks(output: OutputFolder, names: Mapping[int, str] | None = None) -> None:
    """tracks.json from the instances; tracks in `names` have a "name".

    One track at a time, from the places of its lines, so that memory stays flat.

    Raises:
        OutputError: it cannot be written.
    """
    frames = frame_names(output)
    places = _places(output.instances)
    with (
        replacing(output.tracks) as unfinished,
        unfinished.open("w", encoding="utf-8") as file,
        output.instances.open("rb") as lines,
    ):
        file.write("[")
        for n, (track_id, offsets) in enumerate(sorted(places.items())):
            mine = []
            for offset in offsets:
                lines.seek(offset)
                mine.append(json.loads(lines.readline()))
            label = {"name": names[track_id]} if names and track_id in names else {}
            track = _track(track_id, mine, frames) | label
            file.write(("," if n else "") + "\n" + json.dumps(track))
        file.write("\n]\n")


def _places(instances: Path) -> dict[int, list[int]]:
    """Where in the file the lines of each track begin."""
    found: dict[int, list[int]] = {}
    with instances.open("rb") as file:
        offset = 0
        for line in file:
            found.setdefault(json.loads(line)["id"], []).append(offset)
            offset += len(line)
    return found


def _track(track_id: int, lines: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    """As YouTube-VIS results have it; the class is its most frequent, the score the mean."""
    by_name = {line["name"]: {"size": line["size"], "counts": line["rle"]} for line in lines}
    values, counts = np.unique([line["class_id"] for line in lines], return_counts=True)
    return {
        "id": track_id,
        "video_id": 1,
        "category_id": int(values[counts.argmax()]),
        "score": round(float(np.mean([line["score"] for line in lines])), 4),
        "segmentations": [by_name.get(name) for name in names],
    }
