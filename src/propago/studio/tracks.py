"""What `track` wrote, corrected: who is who and how it is called; saved as `track` writes it."""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from propago.conventions import VOID
from propago.errors import MaskError, OutputError, SourceError, UsageError
from propago.io.atomic import make_folder, replacing
from propago.io.instances import FrameInstances, Instance
from propago.io.masks import write_mask
from propago.io.rle import as_text, coco_mask, decode, encode
from propago.io.source import Source
from propago.report.colours import HUES, hue_of
from propago.runs.output_folder import OutputFolder
from propago.runs.track_writers import measured, write_table, write_tracks
from propago.studio.project import Project, StudioObject

Line = dict[str, Any]
"""Of instances.jsonl: an instance in a frame."""

CORRECTED, FRAMES = "corrected.jsonl", "tracked_frames.jsonl"


def holds_tracks(folder: Path) -> bool:
    """Whether a studio's folder has tracks in work."""
    return (folder / CORRECTED).is_file()


class TrackProject(Project):
    """The tracks of one source, corrected in one output folder.

    `corrected.jsonl` is what is being worked on: it is kept after each correction. `masks/`,
    `instances.jsonl`, `frames.jsonl`, `tracks.json` and `tracks.csv` are what was saved last.
    """

    def __init__(self, source: Source, output: OutputFolder, tracks: Path | None = None) -> None:
        """Open the folder, or begin it with what lies in `tracks`, which stays as it is.

        Raises:
            UsageError: both are the same folder, or `output` has other results.
            SourceError: the tracks are damaged.
            MaskError: they are of frames of another size, or an id is above 254.
            OutputError: the folder cannot be read or written.
        """
        self._file = output.root / CORRECTED
        if tracks is not None and not self._file.exists():
            _copy(OutputFolder(tracks), output, self._file)
        self._lines, self._frames = _read(self._file), _read(output.root / FRAMES)
        _refuse_others(source, self._lines)
        super().__init__(source, output)
        self._by_frame: dict[int, list[Line]] = {}
        self._take(self._lines)

    @property
    def classes(self) -> dict[int, str]:
        """The name of the class of each track: its most frequent one."""
        found: dict[int, Counter[str]] = defaultdict(Counter)
        for line in self._lines:
            found[line["id"]][line["class"]] += 1
        return {i: counts.most_common(1)[0][0] for i, counts in sorted(found.items())}

    def result(self, index: int) -> np.ndarray:
        """(H, W) label map of the tracks in a frame, the more confident in front."""
        return _labels(self._by_frame.get(index, []), self.source.size)

    def swap(self, index: int, one: int, other: int) -> None:
        """From a frame on each of two tracks is the other.

        Raises:
            UsageError: they are the same track, or there is no such track.
        """
        self._require(one, other)
        places = {one: other, other: one}
        self._renumber(lambda t, i: places.get(i, i) if t >= index else i)

    def merge(self, into: int, other: int) -> None:
        """Two tracks are the same thing; where both are in a frame, it is both of them.

        Raises:
            UsageError: they are the same track, or there is no such track.
        """
        self._require(into, other)
        self._renumber(lambda _, i: into if i == other else i)
        self.rename({i: said for i, said in self.objects.items() if i != other})

    def split(self, index: int, of: int) -> int:
        """From a frame on a track is another one.

        Returns:
            The id of the new track.

        Raises:
            UsageError: there is no such track, it is not there before and from the frame on, or
                254 tracks are there.
        """
        self._require(of)
        there = [line["index"] for line in self._lines if line["id"] == of]
        if not there or not min(there) < index <= max(there):
            raise UsageError(
                f"{self.objects[of].name} is in frames {min(there, default=0)} to "
                f"{max(there, default=0)}: go to one behind the first, where it becomes another"
            )
        new = next((i for i in range(1, VOID) if i not in self.objects), None)
        if new is None:
            raise UsageError("there are 254 tracks, the most that the studio shows")
        self._renumber(lambda t, i: new if i == of and t >= index else i)
        return new

    def forget_object(self, object_id: int) -> None:
        """Delete a track, and all that is drawn of it.

        Raises:
            UsageError: there is no such track.
        """
        self._require(object_id)
        self._renumber(lambda _, i: 0 if i == object_id else i)
        super().forget_object(object_id)

    def save(self) -> Path:
        """Write masks, instances, tracks.json and tracks.csv, which then agree.

        Returns:
            The folder.

        Raises:
            OutputError: they cannot be written.
        """
        output = self.output
        for whole in (output.tracks, output.table, output.overlay, output.report):
            whole.unlink(missing_ok=True)
        make_folder(output.masks)
        lines: list[Line] = []
        frames: list[Line] = []
        classes = self.classes
        for frame in self._frames:
            write_mask(output.masks / f"{frame['name']}.png", self.shown(frame["index"]))
            found = self._drawn_over(frame, classes)
            lines += found
            areas = {str(x["id"]): {"area": x["area"], "score": x["score"]} for x in found}
            frames.append(frame | {"objects": areas})
        _write(output.instances, lines)
        _write(output.frames, frames)
        names = self._given_names(classes)
        write_table(output, names)
        write_tracks(output, names)
        return output.root

    def _given_names(self, classes: Mapping[int, str]) -> dict[int, str]:
        """The names of a person's choice by track; by their `classes` they have others."""
        told = {i: said.name for i, said in self.objects.items()}
        return {i: name for i, name in told.items() if name != f"{classes.get(i)} {i}"}

    def _drawn_over(self, frame: Line, classes: Mapping[int, str]) -> list[Line]:
        """The lines of a frame, with what a person drew in place of what was found.

        Args:
            frame: its line in frames.jsonl.
            classes: the name of the class of each track.
        """
        lines = self._by_frame.get(frame["index"], [])
        drawn = self.annotations.get(frame["index"])
        if drawn is None:
            return lines
        class_ids = {line["class"]: line["class_id"] for line in self._lines}
        claimed, made = np.isin(drawn.labels, drawn.ids), []
        for line in lines:
            if line["id"] not in drawn.ids:
                mask = decode([_rle(line)], self.source.size)[0] & ~claimed
                made += [_changed(line, mask)] if mask.any() else []
        before = {line["id"]: line for line in lines}
        for i in drawn.ids:
            name = classes.get(i, next(iter(class_ids), "object"))
            new = {"index": frame["index"], "name": frame["name"], "time_s": frame.get("time_s")}
            new |= {"id": i, "class_id": class_ids.get(name, 1), "class": name}
            base = before.get(i, new | {"parent": 0, "size": list(self.source.size)})
            made.append(_changed(base | {"score": 1.0}, drawn.labels == i))
        return made

    def _require(self, *ids: int) -> None:
        unknown = sorted(set(ids) - set(self.objects))
        if unknown:
            raise UsageError(f"there is no object {unknown[0]}; there are {list(self.objects)}")
        if len(set(ids)) < len(ids):
            raise UsageError(f"object {ids[0]} and object {ids[1]} are the same: choose two")

    def _renumber(self, change: Callable[[int, int], int]) -> None:
        """Give every instance the id that `change` (frame, id) says, 0: it goes."""
        last: dict[int, int] = {}
        for line in self._lines:
            last[line["id"]] = max(line["index"], last.get(line["id"], 0))
        found: dict[tuple[int, int], list[Line]] = defaultdict(list)
        for line in sorted(self._lines, key=lambda x: change(x["index"], x["id"]) != x["id"]):
            if new := change(line["index"], line["id"]):
                parent = line["parent"] and change(last.get(line["parent"], 0), line["parent"])
                kept = line | {"id": new, "parent": 0 if parent == new else parent}
                found[line["index"], new].append(kept)
        lines = [_union(same) for same in found.values()]
        _write(self._file, lines)
        for t, said in self.annotations.items():
            table = np.array([change(t, i) if 0 < i < VOID else i for i in range(256)], np.uint8)
            self.annotate(t, table[said.labels])
        self._take(lines)

    def _take(self, lines: list[Line]) -> None:
        self._lines = sorted(lines, key=lambda line: line["index"])
        self._by_frame = defaultdict(list)
        for line in self._lines:
            self._by_frame[line["index"]].append(line)
        known = self.objects
        new = {i: name for i, name in self.classes.items() if i not in known}
        if new:
            made = {i: StudioObject(f"{name} {i}", HUES[hue_of(i)]) for i, name in new.items()}
            self.rename(known | made)
        self.figures = {
            frame["index"]: {
                line["id"]: (line["area"], line["score"])
                for line in self._by_frame.get(frame["index"], [])
            }
            for frame in self._frames
        }


def _copy(tracks: OutputFolder, output: OutputFolder, file: Path) -> None:
    """Begin with the tracks of a folder."""
    if tracks.root.resolve() == output.root.resolve():
        raise UsageError(f"{tracks.root} is what is corrected and stays: choose another `out`")
    if output.record.exists() or (output.root / "annotations").exists():
        raise UsageError(f"{output.root} holds other masks, not of tracks: choose another `out`")
    make_folder(output.root)
    try:
        shutil.copyfile(tracks.frames, output.root / FRAMES)
        with replacing(file) as unfinished:
            shutil.copyfile(tracks.instances, unfinished)
    except OSError as error:
        raise OutputError(f"{tracks.root} cannot be copied to {output.root}: {error}") from error


def _read(path: Path) -> list[Line]:
    try:
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} is damaged ({error}); track again") from error


def _write(path: Path, lines: Sequence[Line]) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def _refuse_others(source: Source, lines: Sequence[Line]) -> None:
    for line in lines:
        if tuple(line["size"]) != source.size:
            raise MaskError(
                f"the tracks are of frames of {line['size']}, the source has {source.size} "
                "(height, width): give the video that was tracked"
            )
    highest = max((line["id"] for line in lines), default=0)
    if highest >= VOID:
        raise MaskError(f"the studio shows tracks 1 to 254; there is track {highest}")


def _rle(line: Line) -> dict[str, Any]:
    return {"size": line["size"], "counts": line["rle"]}


def _labels(lines: Sequence[Line], size: tuple[int, int]) -> np.ndarray:
    found = [Instance(x["id"], _rle(x), x["class_id"], x["score"]) for x in lines]
    return FrameInstances(size, tuple(found)).labels(wide=False)


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
