"""What `track` wrote, corrected: who is who and what it is; saved as `track` writes it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import propago
from propago.conventions import VOID
from propago.errors import UsageError
from propago.io.atomic import make_folder
from propago.io.masks import write_mask
from propago.io.source import Source
from propago.report.colours import HUES, hue_of
from propago.runs.output_folder import OutputFolder
from propago.runs.record import CORRECTED as STATUS
from propago.runs.record import now
from propago.runs.track_writers import write_table, write_tracks
from propago.studio.history import Said, StudioObject
from propago.studio.project import Project
from propago.studio.project_files import SETTINGS, read_settings
from propago.studio.track_files import (
    CORRECTED,
    FRAMES,
    RECORD,
    copy_tracks,
    read_lines,
    write_lines,
)
from propago.studio.track_lines import (
    Line,
    by_frame,
    classes_of,
    drawn_over,
    labels_of,
    refuse_others,
    renumbered,
)


class TrackProject(Project):
    """The tracks of one source, corrected in one output folder.

    `corrected.jsonl` is what is being worked on: it is kept after each correction. `masks/`,
    `instances.jsonl`, `frames.jsonl`, `tracks.json`, `tracks.csv` and `run.json` are what was saved
    last.
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
            copy_tracks(OutputFolder(tracks), output)
        self._frames = read_lines(output.root / FRAMES)
        self._lines = read_lines(self._file)
        refuse_others(self._lines, source.size)
        record = read_settings(output.root / RECORD)
        self._tracked = record.get("tracked", record)
        self._corrected: list[dict[str, Any]] = record.get("corrections", [])
        told = read_settings(output.root / SETTINGS)
        self._corrections: tuple[dict[str, Any], ...] = tuple(told.get("corrections", ()))
        super().__init__(source, output)

    @property
    def classes(self) -> dict[int, str]:
        """The name of the class of each track: a person's word, or its most frequent one.

        Of a track that a person alone has drawn: that of most tracks.
        """
        usual = Counter(self._found_classes.values()).most_common(1)
        other = usual[0][0] if usual else "object"
        return {
            i: said.class_name or self._found_classes.get(i, other)
            for i, said in self.objects.items()
        }

    @property
    def said(self) -> Said:
        """All that a person has said, as a value."""
        return replace(super().said, lines=self._lines, corrections=self._corrections)

    def result(self, index: int) -> np.ndarray:
        """(H, W) label map of the tracks in a frame, the more confident in front."""
        return labels_of(self._by_frame.get(index, []), self.source.size)

    def instances(self, index: int) -> dict[str, int]:
        """What was found in a frame: the id of each by a name that stays when ids change."""
        return {line["rle"]: line["id"] for line in self._by_frame.get(index, [])}

    def rename(self, objects: Mapping[int, StudioObject]) -> None:
        """Keep what tracks are called; one that is called after its class changes with it.

        Raises:
            OutputError: it cannot be written.
        """
        known, classes, told = self.objects, self.classes, dict(objects)
        for i in known.keys() & told.keys():
            was, new = known[i], told[i]
            if new.class_name != was.class_name:
                name = new.class_name or self._found_classes.get(i, classes[i])
                self._log("class", object=i, **{"class": name, "was": classes[i]})
                if new.name == f"{classes[i]} {i}":
                    told[i] = replace(new, name=f"{name} {i}")
            elif new.name != was.name:
                self._log("name", object=i, name=new.name)
        super().rename(told)

    def swap(self, index: int, one: int, other: int) -> None:
        """From a frame on each of two tracks is the other.

        Raises:
            UsageError: they are the same track, or there is no such track.
        """
        self._require(one, other)
        self._log("swap", object=one, other=other, frame=index)
        places = {one: other, other: one}
        self._renumber(lambda t, i: places.get(i, i) if t >= index else i)

    def merge(self, into: int, other: int) -> None:
        """Two tracks are the same thing; where both are in a frame, it is both of them.

        Raises:
            UsageError: they are the same track, or there is no such track.
        """
        self._require(into, other)
        self._log("merge", object=other, other=into)
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
        self._log("split", object=of, other=new, frame=index)
        self._objects[new] = _object(new, self.classes[of], self.objects[of].class_name)
        self._renumber(lambda t, i: new if i == of and t >= index else i)
        self._write_objects()
        return new

    def forget_object(self, object_id: int) -> None:
        """Delete a track, and all that is drawn of it.

        Raises:
            UsageError: there is no such track.
        """
        self._require(object_id)
        self._log("delete", object=object_id, name=self.objects[object_id].name)
        self._renumber(lambda _, i: 0 if i == object_id else i)
        super().forget_object(object_id)

    def save(self) -> Path:
        """Write masks, instances, tracks.json, tracks.csv and run.json, which then agree.

        Returns:
            The folder.

        Raises:
            OutputError: they cannot be written.
        """
        output, classes = self.output, self.classes
        for whole in (output.tracks, output.table, output.overlay, output.report):
            whole.unlink(missing_ok=True)
        make_folder(output.masks)
        class_ids = self._class_ids(classes)
        lines: list[Line] = []
        frames: list[Line] = []
        for frame in self._frames:
            write_mask(output.masks / f"{frame['name']}.png", self.shown(frame["index"]))
            found = self._to_save(frame, classes, class_ids)
            lines += found
            areas = {str(x["id"]): {"area": x["area"], "score": x["score"]} for x in found}
            frames.append(frame | {"objects": areas})
        write_lines(output.instances, lines)
        write_lines(output.frames, frames)
        told = {i: said.name for i, said in self.objects.items()}
        names = {i: name for i, name in told.items() if name != f"{classes[i]} {i}"}
        write_table(output, names)
        write_tracks(output, names)
        output.write_record(self._record(lines, class_ids))
        return output.root

    def _to_save(
        self, frame: Line, classes: Mapping[int, str], class_ids: Mapping[str, int]
    ) -> list[Line]:
        """The instances of a frame, drawn over, with the classes that a person gave them."""
        found, drawn = self._by_frame.get(frame["index"], []), self.annotations.get(frame["index"])
        if drawn is not None:
            found = drawn_over(frame, found, drawn, classes)
        given = {i: said.class_name for i, said in self.objects.items() if said.class_name}
        named = ((x, given.get(x["id"], str(x["class"]))) for x in found)
        return [x | {"class": name, "class_id": class_ids[name]} for x, name in named]

    def _class_ids(self, classes: Mapping[int, str]) -> dict[str, int]:
        """The id of each class by its name; a name that the tracker did not have gets a new one."""
        ids = {name: int(i) for i, name in self._tracked.get("classes", {}).items()}
        ids |= {line["class"]: line["class_id"] for line in self._lines}
        for name in sorted(set(classes.values()) - set(ids)):
            ids[name] = max(ids.values(), default=0) + 1
        return ids

    def _record(self, lines: list[Line], class_ids: Mapping[str, int]) -> dict[str, Any]:
        """What run.json says of corrected tracks: what was done by hand, and to what."""
        drawn = [
            {"what": "draw", "frame": t, "objects": list(said.ids)}
            for t, said in self.annotations.items()
        ]
        return {
            "propago": propago.__version__,
            "status": STATUS,
            "finished": now(),
            "corrections": [*self._corrected, *self._corrections, *drawn],
            "frames": len(self._frames),
            "objects": sorted({line["id"] for line in lines}),
            "classes": {str(i): name for name, i in class_ids.items()},
            "tracked": self._tracked,
        }

    def _log(self, what: str, **told: Any) -> None:
        """Remember a correction; it is written with the objects."""
        self._corrections = (*self._corrections, {"what": what, **told})

    def _settings_said(self) -> dict[str, Any]:
        return super()._settings_said() | {"corrections": list(self._corrections)}

    def _begin(self) -> None:
        self._take(self._lines)

    def _restore(self, said: Said) -> None:
        if said.lines is not self._lines:
            write_lines(self._file, said.lines)
        self._corrections = said.corrections
        super()._restore(said)
        self._take(said.lines)

    def _require(self, *ids: int) -> None:
        unknown = sorted(set(ids) - set(self.objects))
        if unknown:
            raise UsageError(f"there is no object {unknown[0]}; there are {list(self.objects)}")
        if len(set(ids)) < len(ids):
            raise UsageError(f"object {ids[0]} and object {ids[1]} are the same: choose two")

    def _renumber(self, change: Callable[[int, int], int]) -> None:
        """Give each instance, found or drawn, the id that `change` (frame, id) says; 0: it goes."""
        lines = renumbered(self._lines, change)
        write_lines(self._file, lines)
        for t, said in self.annotations.items():
            table = np.array([change(t, i) if 0 < i < VOID else i for i in range(256)], np.uint8)
            if any(table[i] != i for i in said.ids):
                self.annotate(t, table[said.labels])
        self._take(lines)

    def _take(self, lines: tuple[Line, ...]) -> None:
        self._lines, self._by_frame = lines, by_frame(lines)
        self._found_classes = classes_of(lines)
        new = {i: _object(i, c) for i, c in self._found_classes.items() if i not in self._objects}
        if new:
            self._objects |= new
            self._write_objects()
        self.figures = {
            frame["index"]: {
                line["id"]: (line["area"], line["score"])
                for line in self._by_frame.get(frame["index"], [])
            }
            for frame in self._frames
        }


def _object(i: int, called: str, class_name: str | None = None) -> StudioObject:
    """A track that is called after its class."""
    return StudioObject(f"{called} {i}", HUES[hue_of(i)], class_name=class_name)
