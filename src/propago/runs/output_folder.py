"""The output folder of a verb: what its files are called, what is already there, its record."""

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from propago.errors import OutputError, UsageError
from propago.io.atomic import make_folder, write_text
from propago.io.json_fields import is_number
from propago.io.places import place_of

TIMINGS = {"seconds": 0.0, "frames_per_s": 0.0}
"""What the record of a run that is done has at least."""


class OutputFolder:
    """Where the results of a run lie, whatever verb makes them.

    Attributes:
        root: the folder.
        masks: one PNG a frame.
        scores: soft masks, one npz a frame, where asked for.
        semantic: maps of categories, one PNG a frame, of `track` where asked for.
        given: the masks that were made of boxes and clicks.
        given_picture: a picture of these.
        overlay: the video with the masks drawn in.
        frames: one line a frame.
        events: one line for each thing that a cleaner did.
        instances: one line for each instance of each frame, of `track`.
        tracks: the instances as YouTube-VIS results.
        table: the instances as a spreadsheet takes them.
        report: a page about the run.
        record: how the run was made.
        checkpoints: where the run can be gone on with.
        backwards: runs of their own, backwards from annotated frames.
        exported: the results in other formats, named after these.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = place_of(root, "out")
        self.masks = self.root / "masks"
        self.scores = self.root / "scores"
        self.semantic = self.root / "semantic"
        self.given = self.root / "given"
        self.given_picture = self.root / "given.png"
        self.overlay = self.root / "overlay.mp4"
        self.frames = self.root / "frames.jsonl"
        self.events = self.root / "clean.jsonl"
        self.instances = self.root / "instances.jsonl"
        self.tracks = self.root / "tracks.json"
        self.table = self.root / "tracks.csv"
        self.report = self.root / "report.html"
        self.record = self.root / "run.json"
        self.checkpoints = self.root / "checkpoints"
        self.backwards = self.root / "backwards"
        self.exported = self.root / "exported"

    @property
    def results(self) -> list[Path]:
        """All that a run makes, whether it is there or not."""
        return [path for name, path in vars(self).items() if name != "root"]

    def refuse(
        self, inputs: Iterable[Path] = (), *, overwrite: bool = False, resume: bool = False
    ) -> None:
        """Before any work: refuse a folder that holds results, and inputs that lie among them.

        Args:
            inputs: files and folders that the run reads.
            overwrite: results may be deleted.
            resume: results may be gone on with.

        Raises:
            UsageError: `root` is a file, holds results, or would lose an input.
        """
        if self.root.exists() and not self.root.is_dir():
            raise UsageError(f"{self.root} is a file; `out` must be a folder")
        for path in inputs:
            if any(path.resolve().is_relative_to(result.resolve()) for result in self.results):
                raise UsageError(
                    f"{path}, which is read, lies among the results of {self.root}: copy it "
                    "elsewhere or choose another `out`"
                )
        if resume:
            return
        there = next(filter(_holds_something, self.results), None)
        if there and not overwrite:
            goes_on = "`resume` goes on with an interrupted run, " * self.record.exists()
            raise UsageError(
                f"{self.root} already holds results ({there.name}): `overwrite` deletes them, "
                f"{goes_on}or choose another `out`"
            )

    def clear(self) -> None:
        """Delete every result of an earlier run, and nothing else.

        Raises:
            OutputError: something cannot be deleted.
        """
        self._delete(*self.results)

    def _delete(self, *results: Path) -> None:
        try:
            for result in results:
                if result.is_dir():
                    shutil.rmtree(result)
                else:
                    result.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.root} cannot be cleared: {error}; choose another `out`"
            ) from error

    @property
    def has_backwards(self) -> bool:
        """Whether there is something of a run backwards."""
        return self.backwards.is_dir() and _holds_something(self.backwards)

    def keep_backwards(self, names: Collection[str]) -> None:
        """Delete the runs backwards that are not called one of `names`.

        Raises:
            OutputError: something cannot be deleted.
        """
        if self.backwards.is_dir():
            self._delete(*(path for path in self.backwards.iterdir() if path.name not in names))

    def forget(self, names: Iterable[str]) -> None:
        """Delete the results of the frames `names`, and what shows more than one frame.

        Raises:
            OutputError: something cannot be deleted.
        """
        single = (
            (self.masks / f"{n}.png", self.scores / f"{n}.npz", self.semantic / f"{n}.png")
            for n in names
        )
        whole = (self.overlay, self.given, self.given_picture)
        self._delete(*whole, self.tracks, self.table, self.report, *chain.from_iterable(single))

    def make(self, *folders: Path) -> None:
        """Make `root` and `folders` in it.

        Raises:
            OutputError: that is not possible.
        """
        for folder in (self.root, *folders):
            make_folder(folder)

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write run.json.

        Raises:
            OutputError: it cannot be written.
        """
        write_text(self.record, json.dumps(record, indent=1) + "\n")

    def read_record(self) -> dict[str, Any]:
        """What run.json says; empty where there is none.

        Raises:
            OutputError: it is damaged.
        """
        try:
            return _checked(json.loads(self.record.read_text("utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise OutputError(
                f"{self.record} is damaged ({error}); `overwrite` begins again"
            ) from error


def _checked(record: Any) -> dict[str, Any]:
    """A record whose parts that are read again are of their kinds."""
    if not isinstance(record, dict) or not isinstance(record.get("inputs", {}), dict):
        raise ValueError("it does not say from what the run was made")
    given = record.get("inputs", {}).get("given") or {}
    if not isinstance(given, dict) or not all(key.isdecimal() for key in given):
        raise ValueError("it does not say for which frames masks were given")
    timings = record.get("timings") if record.get("status") == "done" else TIMINGS
    if not isinstance(timings, dict) or not all(is_number(timings.get(key)) for key in TIMINGS):
        raise ValueError("it does not say how long the run took")
    return record


def _holds_something(result: Path) -> bool:
    return any(result.iterdir()) if result.is_dir() else result.exists()
