"""`last.pt`: everything that a training run needs to go on where it stopped."""

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from propago.errors import OutputError, UsageError
from propago.io.atomic import replacing

MAY_CHANGE = ("steps", "save_every_s", "validation")
"""Settings that an unfinished run may be gone on with changed."""

_BROKEN = (
    OSError,
    EOFError,
    pickle.UnpicklingError,
    RuntimeError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
)


@dataclass
class TrainingProgress:
    """What a run has come to."""

    step: int = 0
    elapsed_s: float = 0.0


class Stateful(Protocol):
    """A part of a run: a module or an optimiser."""

    def state_dict(self) -> dict[str, Any]:
        """All that it holds."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Hold what `state_dict` gave."""
        ...


@dataclass(frozen=True)
class CheckpointFile:
    """`last.pt` of a run folder.

    Attributes:
        folder: of the run.
        settings: what the run was asked for, in nested tables; a run that goes on has the same.
        every_s: training time between two writes; at most a minute in the first ten minutes.
    """

    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    every_s: float = 120.0

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "last.pt"

    def is_due(self, saved_s: float, elapsed_s: float) -> bool:
        """Whether a run of `elapsed_s` seconds, last written at `saved_s`, is to be written."""
        pause_s = min(self.every_s, 60) if elapsed_s <= 600 else self.every_s
        return elapsed_s - saved_s >= pause_s

    def write(self, progress: TrainingProgress, parts: Mapping[str, Stateful]) -> None:
        """Write a run, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        state = {name: part.state_dict() for name, part in parts.items()}
        kept = {"settings": dict(self.settings), "progress": asdict(progress)}
        with replacing(self.path) as temporary, temporary.open("wb") as file:
            try:
                torch.save({**kept, **state}, file)
            except RuntimeError as error:
                raise (error.__context__ or error) from None

    def read(self, parts: Mapping[str, Stateful]) -> TrainingProgress:
        """Fill `parts` from the file, and tell how far that run was.

        Raises:
            UsageError: the run began with other settings.
            OutputError: the file is damaged, or of another network.
        """
        try:
            state = torch.load(self.path, weights_only=True, map_location="cpu")
            _refuse_other_settings(self.path, self.settings, state["settings"])
            for name, part in parts.items():
                part.load_state_dict(state[name])
            return TrainingProgress(**state["progress"])
        except _BROKEN as error:
            raise OutputError(
                f"{self.path} cannot be gone on with: it is damaged, or of another network; delete "
                f"it to begin again, or name another run folder as `out` ({error})"
            ) from error


def _refuse_other_settings(path: Path, now: Mapping[str, Any], began: Mapping[str, Any]) -> None:
    now, began = _flat(now), _flat(began)
    changed = [
        f"{name} = {_shown(began, name)}, now {_shown(now, name)}"
        for name in {**began, **now}
        if name.split(".")[0] not in MAY_CHANGE and began.get(name) != now.get(name)
    ]
    if changed:
        raise UsageError(
            f"{path} is of a run with other settings: {'; '.join(changed)}. If the change is "
            "meant, name another run folder as `out`, or delete that file to begin again; if "
            f"not, put the settings back. Only {', '.join(MAY_CHANGE)} may change on the way"
        )


def _shown(table: Mapping[str, Any], name: str) -> str:
    return repr(table[name]) if name in table else "none"


def _flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of nested tables by their dotted names."""
    flat = {}
    for name, value in table.items():
        inner = _flat(value) if isinstance(value, Mapping) else {"": value}
        flat |= {f"{name}.{key}".rstrip("."): v for key, v in inner.items()}
    return flat
