"""The output folder of a run: where everything lies, what is already there, and its records."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from propago.errors import OutputError, UsageError
from propago.io.atomic import replacing


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run's files under `root`."""

    root: Path

    @property
    def masks(self) -> Path:
        """One PNG a frame."""
        return self.root / "masks"

    @property
    def scores(self) -> Path:
        """One npz a frame, where asked for."""
        return self.root / "scores"

    @property
    def given(self) -> Path:
        """The masks that were made of boxes."""
        return self.root / "given"

    @property
    def given_picture(self) -> Path:
        """A picture of the masks that were made of boxes."""
        return self.root / "given.png"

    @property
    def overlay(self) -> Path:
        """The video with the masks drawn in."""
        return self.root / "overlay.mp4"

    @property
    def record(self) -> Path:
        """How the run was made."""
        return self.root / "run.json"

    @property
    def frames(self) -> Path:
        """One line a frame."""
        return self.root / "frames.jsonl"

    @property
    def clean_log(self) -> Path:
        """One line for each thing that the cleaner did."""
        return self.root / "clean.jsonl"

    @property
    def checkpoint(self) -> Path:
        """Where an unfinished run stands."""
        return self.root / "checkpoint.safetensors"

    def mask(self, name: str) -> Path:
        """The mask file of the frame with this name."""
        return self.masks / f"{name}.png"

    @property
    def _parts(self) -> tuple[Path, ...]:
        folders = (self.masks, self.scores, self.given)
        logs = (self.record, self.frames, self.clean_log)
        return (*folders, *logs, self.given_picture, self.overlay, self.checkpoint)

    def refuse_results(self) -> None:
        """Refuse a folder that holds results of an earlier run.

        Raises:
            UsageError: it does.
        """
        there = next((part for part in self._parts if part.exists()), None)
        if there:
            raise UsageError(
                f"{self.root} already holds results ({there.name}); add --overwrite to delete "
                "them, --resume to go on with an interrupted run, or choose another --out"
            )

    def refuse_inputs_inside(self, inputs: Sequence[Path]) -> None:
        """Refuse inputs that `clear` would delete.

        Raises:
            UsageError: one of them lies among this run's results.
        """
        for path in inputs:
            for part in self._parts:
                if path.resolve().is_relative_to(part.resolve()):
                    raise UsageError(
                        f"{path} lies among the results that --overwrite deletes; copy it "
                        "elsewhere or choose another --out"
                    )

    def clear(self) -> None:
        """Delete every file of an earlier run, and nothing else.

        Raises:
            OutputError: something cannot be deleted.
        """
        try:
            for part in self._parts:
                if part.is_dir():
                    shutil.rmtree(part)
                else:
                    part.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.root} cannot be cleared: {error}") from error

    def create(self, record: Mapping[str, Any], *, scores: bool) -> None:
        """Write the record, then make the folders: a folder of results is never without one.

        Raises:
            OutputError: they cannot be made.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.write_record(record)
            self.masks.mkdir(exist_ok=True)
            if scores:
                self.scores.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{self.root} cannot be made ({error.strerror}); choose another --out"
            ) from error

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write run.json.

        Raises:
            OutputError: it cannot be written.
        """
        with replacing(self.record) as unfinished:
            unfinished.write_text(json.dumps(record, indent=1) + "\n", "utf-8")

    def read_record(self) -> dict[str, Any]:
        """What run.json says; empty where there is none.

        Raises:
            OutputError: it is damaged.
        """
        try:
            return json.loads(self.record.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise OutputError(f"{self.record} is damaged ({error}); use --overwrite") from error
