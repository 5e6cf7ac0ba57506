"""What lies in a studio's folder: a person's masks, the objects' names, and the run's results."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from threading import RLock
from typing import Any

import numpy as np

from propago.conventions import VOID
from propago.errors import MaskError, UsageError
from propago.io.annotations import read_annotations
from propago.io.atomic import make_folder
from propago.io.masks import read_labels, write_mask
from propago.io.source import Source
from propago.report.colours import HUES, hue_of
from propago.runs.output_folder import OutputFolder
from propago.studio.history import History, Said, StudioObject
from propago.studio.project_files import (
    SETTINGS,
    Figures,
    delete,
    read_figures,
    read_objects,
    write_settings,
)
from propago.types import Annotation


class Project:
    """The masks of one source, drawn and found, in one output folder.

    `annotations/` has a person's masks, one PNG a frame, each with the objects said of that frame
    alone; `studio.json` the objects. `masks/` and all else are what `segment` writes, so that it
    goes on with the folder, given `annotations/` as its masks.

    Attributes:
        source: the frames.
        output: the folder.
        figures: what the run has found so far.
    """

    def __init__(
        self, source: Source, output: OutputFolder, given: Mapping[int, Annotation] | None = None
    ) -> None:
        """Open the folder, or begin it.

        Args:
            source: the frames.
            output: where everything lies.
            given: masks to begin with; what was drawn in the folder stands above them.

        Raises:
            MaskError: an earlier mask is damaged, or an id is above 254.
            OutputError: the folder cannot be read or written.
        """
        self.source, self.output = source, output
        self.folder = output.root / "annotations"
        self._settings = output.root / SETTINGS
        self._lock = RLock()
        make_folder(output.root)
        self._history = History(source.size[0] * source.size[1])
        self._objects = read_objects(self._settings)
        self._drawn = self._read_drawn()
        for index, annotation in (given or {}).items():
            if index not in self._drawn:
                self.annotate(index, annotation.labels)
        self.figures: Figures = read_figures(output.frames)
        self._begin()

    @property
    def objects(self) -> dict[int, StudioObject]:
        """The objects by id, ascending."""
        with self._lock:
            return dict(sorted(self._objects.items()))

    @property
    def annotations(self) -> dict[int, Annotation]:
        """A person's masks by frame, ascending."""
        with self._lock:
            return dict(sorted(self._drawn.items()))

    @property
    def classes(self) -> dict[int, str]:
        """The names of the objects' classes; of what a person draws none is known."""
        return {}

    @property
    def ends(self) -> list[tuple[int, int]]:
        """(id, first frame without it) of the objects that end."""
        return [(i, told.ended) for i, told in self.objects.items() if told.ended is not None]

    def went_both_ways(self) -> bool:
        """Whether the run in the folder follows objects backwards, too.

        Raises:
            OutputError: its record is damaged.
        """
        return bool(self.output.read_record().get("inputs", {}).get("both_ways"))

    def name_of(self, index: int) -> str:
        """The stem of the files of a frame."""
        return self.source.stems[index] if self.source.stems else f"{index:05d}"

    def result(self, index: int) -> np.ndarray | None:
        """(H, W) what the run has found in a frame; None where it has not come so far.

        Raises:
            MaskError: the file is damaged or of another size.
        """
        path = self.output.masks / f"{self.name_of(index)}.png"
        if not path.is_file():
            return None
        labels = read_labels(path)
        if labels.shape != self.source.size:
            raise MaskError(f"{path} is {labels.shape}, the frames {self.source.size}")
        return labels

    def instances(self, index: int) -> dict[str, int]:
        """What was found in a frame: the id of each by a name that stays when ids change."""
        return {str(i): i for i in self.figures.get(index, {})}

    def shown(self, index: int) -> np.ndarray:
        """(H, W) uint8: the result of a frame with a person's masks in place of it."""
        found = self.result(index)
        labels = np.zeros(self.source.size, np.uint8) if found is None else found.astype(np.uint8)
        drawn = self.annotations.get(index)
        if drawn is None:
            return labels
        said = np.isin(drawn.labels, drawn.ids)
        labels = np.where(np.isin(labels, drawn.ids) & ~drawn.void, 0, labels)
        return np.where(said, drawn.labels, labels).astype(np.uint8)

    def annotate(self, index: int, labels: np.ndarray) -> tuple[int, ...]:
        """Keep a person's masks of a frame; without any object it says nothing and is forgotten.

        Args:
            index: of the frame.
            labels: (H, W) with the objects that are said something of, and no others.

        Returns:
            The ids said.

        Raises:
            MaskError: another size, or an id above 254.
            OutputError: it cannot be written.
        """
        if labels.shape != self.source.size:
            raise MaskError(f"a mask is {self.source.size}, as the frames; this is {labels.shape}")
        if labels.dtype == np.uint16 and labels.max(initial=0) >= VOID:
            raise MaskError(f"the studio has objects 1 to 254; this mask has {labels.max()}")
        annotation = Annotation(labels.astype(np.uint8))
        with self._lock:
            self._keep(index, annotation if annotation.ids else None)
            self._name_new(annotation.ids)
        return annotation.ids

    def rename(self, objects: Mapping[int, StudioObject]) -> None:
        """Keep what objects are called.

        Raises:
            OutputError: it cannot be written.
        """
        with self._lock:
            self._objects = dict(objects)
            self._name_new(sorted({i for said in self._drawn.values() for i in said.ids}))
            self._write_objects()

    def forget_object(self, object_id: int) -> None:
        """Take every mask drawn of an object back, and its name.

        Raises:
            UsageError: there is no such object.
            OutputError: it cannot be written.
        """
        with self._lock:
            if object_id not in self._objects:
                raise UsageError(f"there is no object {object_id}; there are {list(self._objects)}")
            for index, said in self.annotations.items():
                if object_id in said.ids:
                    self.annotate(index, np.where(said.labels == object_id, 0, said.labels))
            del self._objects[object_id]
            self._write_objects()

    @property
    def said(self) -> Said:
        """All that a person has said, as a value."""
        with self._lock:
            return Said(self.annotations, self.objects)

    @property
    def steps(self) -> tuple[int, int]:
        """How many steps can be undone, and done again."""
        return self._history.steps

    @contextmanager
    def step(self) -> Iterator[None]:
        """What is changed in it, by this thread alone, is one step for `undo`."""
        with self._lock:
            before = self.said
            try:
                yield
            finally:
                if not before.is_same(self.said):
                    self._history.add(before)

    def undo(self) -> None:
        """Take the last step back.

        Raises:
            UsageError: there is none.
            OutputError: it cannot be written.
        """
        self._move(self._history.undo, "there is nothing to undo")

    def redo(self) -> None:
        """Do the step again that was taken back last.

        Raises:
            UsageError: there is none.
            OutputError: it cannot be written.
        """
        self._move(self._history.redo, "there is nothing to do again")

    def _move(self, step: Callable[[Said], Said | None], nothing: str) -> None:
        with self._lock:
            moved_to = step(self.said)
            if moved_to is None:
                raise UsageError(nothing)
            self._restore(moved_to)

    def begin_results(self, after: int | None) -> None:
        """A run goes on behind a frame: later figures no longer hold."""
        kept = -1 if after is None else after
        self.figures = {t: said for t, said in self.figures.items() if t <= kept}

    def take_in(self, index: int, objects: Mapping[int, tuple[int, float]]) -> None:
        """A run has written a frame."""
        self.figures = self.figures | {index: dict(objects)}

    def _begin(self) -> None:
        """There is an object to draw, before anything is written."""
        if not self._objects:
            self._objects = {1: _new_object(1)}

    def _name_new(self, ids: tuple[int, ...] | list[int]) -> None:
        new = [i for i in ids if i not in self._objects]
        for i in new:
            self._objects[i] = _new_object(i)
        if new:
            self._write_objects()

    def _write_objects(self) -> None:
        write_settings(self._settings, self._settings_said())

    def _settings_said(self) -> dict[str, Any]:
        """What stands in studio.json."""
        return {"objects": {str(i): asdict(said) for i, said in sorted(self._objects.items())}}

    def _restore(self, said: Said) -> None:
        """Say what was said once, and nothing else."""
        for t in self.said.frames_unlike(said):
            self._keep(t, said.annotations.get(t))
        self._objects = dict(said.objects)
        self._write_objects()

    def _keep(self, index: int, annotation: Annotation | None) -> None:
        """Write a person's masks of a frame, or take them back."""
        path = self.folder / f"{self.name_of(index)}.png"
        if annotation is None:
            delete(path)
            self._drawn.pop(index, None)
        else:
            make_folder(self.folder)
            write_mask(path, annotation.labels)
            self._drawn[index] = annotation

    def _read_drawn(self) -> dict[int, Annotation]:
        if not self.folder.is_dir() or not any(self.folder.glob("*.png")):
            return {}
        drawn, _ = read_annotations(self.folder, self.source)
        for said in drawn.values():
            self._name_new(said.ids)
        return {t: replace(said, labels=said.labels.astype(np.uint8)) for t, said in drawn.items()}


def _new_object(i: int) -> StudioObject:
    return StudioObject(f"object {i}", HUES[hue_of(i)])
