"""`last.pt`: everything that a training run needs to go on where it stopped."""

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from propago.errors import OutputError, UsageError
from propago.io.atomic import replacing
from propago.training.recipe import Recipe

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
class Progress:
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


def write_checkpoint(
    path: Path, recipe: Recipe, progress: Progress, parts: Mapping[str, Stateful]
) -> None:
    """Write a run, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    state = {name: part.state_dict() for name, part in parts.items()}
    with replacing(path) as temporary:
        torch.save({"recipe": asdict(recipe), "progress": asdict(progress), **state}, temporary)


def read_checkpoint(path: Path, recipe: Recipe, parts: Mapping[str, Stateful]) -> Progress:
    """Fill `parts` from a file, and tell how far that run was.

    A file without settings, from before they were kept, is taken for one of this recipe.

    Raises:
        UsageError: the run began with other settings than `recipe` has.
        OutputError: the file is damaged, or of another network.
    """
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        _refuse_other_settings(path, asdict(recipe), state.get("recipe", {}))
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return Progress(**state["progress"])
    except _BROKEN as error:
        raise OutputError(
            f"{path} cannot be gone on with: it is damaged, or of another network; delete it to "
            f"begin again, or name another run folder with --out ({error})"
        ) from error


def _refuse_other_settings(path: Path, now: dict[str, Any], began: dict[str, Any]) -> None:
    now, began = _flat(now), _flat(began)
    changed = [
        f"{name} = {value!r}, now {now.get(name)!r}"
        for name, value in began.items()
        if name.split(".")[0] not in MAY_CHANGE and value != now.get(name)
    ]
    if changed:
        raise UsageError(
            f"{path} is of a run with other settings: {'; '.join(changed)}. If the change is "
            "meant, name another run folder with --out, or delete that file to begin again; if "
            f"not, put the settings back. Only {', '.join(MAY_CHANGE)} may change on the way"
        )


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    """Settings of nested tables by their dotted names."""
    flat = {}
    for name, value in table.items():
        inner = _flat(value) if isinstance(value, dict) else {"": value}
        flat |= {f"{name}.{key}".rstrip("."): v for key, v in inner.items()}
    return flat
