"""What lies in a studio's folder: a person's masks, the objects' names, and the run's results."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from propago.conventions import VOID
from propago.errors import MaskError, OutputError, UsageError
from propago.io.annotations import read_annotations
from propago.io.atomic import make_folder, replacing, unwritable
from propago.io.masks import read_labels, write_mask
from propago.io.source import Source
from propago.report.colours import HUES, hue_of
from propago.runs.output_folder import OutputFolder
from propago.types import Annotation

Figures = dict[int, dict[int, tuple[int, float]]]
"""By frame, by object: area in pixels and mean probability."""


@dataclass(frozen=True)
class StudioObject:
    """How an object is called and shown.

    Attributes:
        name: of a person's choice.
        colour: "#rrggbb".
        ended: the first frame without it by a person's word; None where it does not end.
    """

    name: str
    colour: str
    ended: int | None = None


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
        self._settings = output.root / "studio.json"
        self._lock = RLock()
        make_folder(output.root)
        self._objects = _read_objects(self._settings)
        self._drawn = self._read_drawn()
        for index, annotation in (given or {}).items():
            if index not in self._drawn:
                self.annotate(index, annotation.labels)
        self.figures: Figures = _read_figures(output.frames)

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
        path = self.folder / f"{self.name_of(index)}.png"
        with self._lock:
            if annotation.ids:
                make_folder(self.folder)
                write_mask(path, annotation.labels)
                self._drawn[index] = annotation
            else:
                _delete(path)
                self._drawn.pop(index, None)
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

    def begin_results(self, after: int | None) -> None:
        """A run goes on behind a frame: later figures no longer hold."""
        kept = -1 if after is None else after
        self.figures = {t: said for t, said in self.figures.items() if t <= kept}

    def take_in(self, index: int, objects: Mapping[int, tuple[int, float]]) -> None:
        """A run has written a frame."""
        self.figures = self.figures | {index: dict(objects)}

    def _name_new(self, ids: tuple[int, ...] | list[int]) -> None:
        new = [i for i in ids if i not in self._objects]
        for i in new:
            self._objects[i] = StudioObject(f"object {i}", HUES[hue_of(i)])
        if new:
            self._write_objects()

    def _write_objects(self) -> None:
        told = {str(i): asdict(said) for i, said in sorted(self._objects.items())}
        with replacing(self._settings) as unfinished:
            unfinished.write_text(json.dumps({"objects": told}, indent=1) + "\n", "utf-8")

    def _read_drawn(self) -> dict[int, Annotation]:
        if not self.folder.is_dir() or not any(self.folder.glob("*.png")):
            return {}
        drawn, _ = read_annotations(self.folder, self.source)
        for said in drawn.values():
            self._name_new(said.ids)
        return {t: replace(said, labels=said.labels.astype(np.uint8)) for t, said in drawn.items()}


def _read_objects(path: Path) -> dict[int, StudioObject]:
    try:
        told = json.loads(path.read_text("utf-8"))["objects"]
        return {int(i): StudioObject(**said) for i, said in told.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(
            f"{path} is damaged ({error}); delete it: names and colours are lost, no masks"
        ) from error


def _read_figures(path: Path) -> Figures:
    try:
        text = path.read_text("utf-8")
        lines: list[dict[str, Any]] = [
            json.loads(t) for t in text.splitlines(True) if t[-1] == "\n"
        ]
        return {
            line["index"]: {
                int(i): (said["area"], said["score"]) for i, said in line["objects"].items()
            }
            for line in lines
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{path} is damaged ({error}); choose another `out`") from error


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
