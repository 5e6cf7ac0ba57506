"""Recipes: TOML files that say how a network is trained, read strictly."""

import dataclasses
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Any

from propago.components import KINDS, imported
from propago.data.sources import Sources, ingredients
from propago.data.task import TrainingTask
from propago.errors import UsageError
from propago.ranges import Ranged, ranged
from propago.training.optimisation import Optimisation

Task = Callable[[Any, Sources], TrainingTask]
"""Makes the task of settings, of the type it is annotated with, and of data."""


@dataclass(frozen=True)
class Validation(Ranged):
    """How the network is watched on real sequences.

    Attributes:
        davis_set: of DAVIS.
        frames: the first so many of each sequence, of which what finds the foreground sees every
            eighth; of what sharpens, crops a sequence; of detectors and prompters, pictures of each
            set.
        every_minutes: of training.
    """

    davis_set: str = "val"
    frames: int = ranged(40, least=3)
    every_minutes: float = ranged(15.0, least=0)


@dataclass(frozen=True)
class Recipe(Ranged):
    """A training run.

    Attributes:
        name: of the weights.
        method: what is trained: a name in a table of `components`, or a function that makes the
            task.
        licence: of the weights.
        init: empty, "imagenet" (the published weights of the compact presets' encoder alone), a
            .pth file of torchvision (those of the paper presets' encoder), the name of shipped
            weights, or a safetensors file; of weights of another network the encoder alone, unless
            the task says that it is a relative.
        seed: of the network, the examples and the objective.
        steps: of the optimiser.
        taken: the weights that are kept lie so far of the way from `taken_from` to those that
            training ends with; below 1 they forget less (Wortsman et al., "Robust fine-tuning of
            zero-shot models", CVPR 2022).
        taken_from: weights of the same network, such as another run's from the same `init`
            (Wortsman et al., "Model soups", ICML 2022); those that this one begins with if empty.
        save_every_s: training time between two writes of the checkpoint.
        optimisation: how it learns.
        task: settings of what is trained, of the type that its task takes; None: their defaults.
        data: what it learns from, see `propago.data.sources.ingredients`.
        validation: how it is watched.
    """

    name: str
    method: str | Task = "feelvos"
    licence: str = "Apache-2.0"
    init: str = ""
    seed: int = ranged(0, least=0)
    steps: int = ranged(5000, least=1)
    taken: float = ranged(1.0, above=0, most=1)
    taken_from: str = ""
    save_every_s: float = ranged(120.0, least=0)
    optimisation: Optimisation = field(default_factory=Optimisation)
    task: Any = None
    data: Mapping[str, Any] = field(default_factory=lambda: {"synthetic": 1.0})
    validation: Validation = field(default_factory=Validation)

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        super().__post_init__()
        ingredients(self.data)
        if self.taken_from and self.taken == 1:
            raise UsageError(
                f"taken_from = {self.taken_from!r}: nothing is taken of it, since taken = 1; below "
                "1 is legal beside it, 0.5 is the mean of both"
            )

    def record(self) -> dict[str, Any]:
        """All settings, as JSON can hold them."""
        method = self.method
        named = method if isinstance(method, str) else f"{method.__module__}:{method.__qualname__}"
        return json.loads(json.dumps({**asdict(self), "method": named}))


def task_of(method: str | Task) -> Task:
    """What makes the task of a method.

    Raises:
        UsageError: no such method, or one that is not trained.
    """
    if not isinstance(method, str):
        return method
    there = {n: part for table in KINDS.values() for n, part in table.items() if part.train}
    if method not in there:
        raise UsageError(f"method {method} cannot be trained; there are {', '.join(there)}")
    return imported(there[method].train)


def default_settings(task: Task) -> Any:
    """The settings that a task takes, as they are where nothing is asked for."""
    return _settings_type(task)()


def checked_settings(method: str | Task, settings: Any) -> Any:
    """The settings of a recipe made in Python, if they are those that the method's task takes.

    Raises:
        UsageError: settings of another task.
    """
    wanted = _settings_type(task_of(method))
    if settings is None:
        return wanted()
    if not isinstance(settings, wanted):
        raise UsageError(
            f"task is {type(settings).__name__}; training {method} takes {wanted.__name__}"
        )
    return settings


def _settings_type(task: Task) -> Any:
    return next(iter(signature(task).parameters.values())).annotation


RECIPES = Path(__file__).parent / "recipes"


def read_recipe(name: str | Path) -> Recipe:
    """The recipe shipped under `name`, or that of a TOML file.

    Raises:
        UsageError: no such recipe, broken TOML, a setting that does not exist, or one of another
            type or out of range.
    """
    path = Path(name) if str(name).endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.is_file():
        shipped = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise UsageError(f"recipe {name}: no such file; shipped recipes are: {shipped}")
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        task = default_settings(task_of(table.get("method", Recipe.method)))
        return _overlay(Recipe(path.stem, task=task), table, "")
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"recipe {path}: not valid TOML: {error}") from error
    except UsageError as error:
        raise UsageError(f"recipe {path}: {error}") from error


def _overlay(default: Any, table: dict[str, Any], prefix: str) -> Any:
    """A copy of the dataclass `default` with the settings of a table, all of them checked."""
    known = {f.name: getattr(default, f.name) for f in dataclasses.fields(default)}
    changes = {}
    for key, value in table.items():
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean '{prefix}{near[0]}'?" if near else f"legal are {sorted(known)}"
            raise UsageError(f"unknown setting '{prefix}{key}'; {hint}")
        changes[key] = _value(known[key], value, f"{prefix}{key}")
    try:
        return dataclasses.replace(default, **changes)
    except UsageError as error:
        raise UsageError(f"{prefix}{error}") from error


def _value(now: Any, value: Any, name: str) -> Any:
    """A setting from TOML, of the type of the default `now`."""
    is_table = isinstance(value, dict)
    if is_table and dataclasses.is_dataclass(now):
        return _overlay(now, value, f"{name}.")
    if not is_table and (dataclasses.is_dataclass(now) or isinstance(now, Mapping)):
        raise UsageError(f"'{name}' is a table [{name}], not {value!r}")
    if type(now) is tuple and type(value) is list:
        return tuple(value)
    if type(now) is float and type(value) is int:
        return float(value)
    if type(now) is not type(value):
        raise UsageError(f"'{name}' is a {type(now).__name__}, not {value!r}")
    return value
