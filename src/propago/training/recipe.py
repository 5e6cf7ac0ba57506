"""Recipes: TOML files that say how a network is trained, read strictly."""

import dataclasses
import math
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from propago.errors import UsageError
from propago.types import VOID


@dataclass(frozen=True)
class Optimisation:
    """AdamW with a linear warm-up and a cosine down to nothing; weights averaged by EMA.

    `pretrained_share` of the learning rate goes to the encoder that starts from published weights;
    with 0 it does not learn. 0 `warmup_steps` are none.
    """

    learning_rate: float = 1e-3
    pretrained_share: float = 0.1
    weight_decay: float = 0.02
    warmup_steps: int = 100
    clip_norm: float = 5.0
    ema_decay: float = 0.998

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        _check(self, "learning_rate", "clip_norm", above=0)
        _check(self, "pretrained_share", least=0, most=1)
        _check(self, "weight_decay", "warmup_steps", least=0)
        _check(self, "ema_decay", least=0, below=1)


@dataclass(frozen=True)
class Clips:
    """What a batch looks like; `frames` and `max_objects` are of clips, which crops are not."""

    height: int = 224
    width: int = 224
    frames: int = 4
    batch: int = 4
    max_objects: int = 3

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        _check(self, "height", "width", least=32)
        _check(self, "frames", least=2)
        _check(self, "batch", least=1)
        _check(self, "max_objects", least=1, below=VOID)


@dataclass(frozen=True)
class Data:
    """Weights of the sources in the mixture; 0 leaves one out.

    `davis`, `saliency`, `coco` and `voc` are read from folders under the data root. `predicted` and
    `foreground` are for networks that sharpen masks: the sequences of `davis_set` again, with what
    the default method with the weights `predicted_by`, or the foreground network of Seg-with-SPN,
    says of them in place of masks made coarse.
    """

    synthetic: float = 1.0
    davis: float = 0.0
    saliency: float = 0.0
    coco: float = 0.0
    voc: float = 0.0
    predicted: float = 0.0
    foreground: float = 0.0
    davis_set: str = "train"
    predicted_by: str = "synthetic"

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        weights = [f.name for f in dataclasses.fields(self) if f.type is float]
        _check(self, *weights, least=0)


@dataclass(frozen=True)
class Validation:
    """How the network is watched on real sequences.

    `frames`: the first so many of each sequence, of which a foreground network sees every eighth;
    of a network that sharpens, crops a sequence.
    """

    davis_set: str = "val"
    frames: int = 40
    every_minutes: float = 15.0

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        _check(self, "frames", least=1)
        _check(self, "every_minutes", least=0)


@dataclass(frozen=True)
class Recipe:
    """A training run.

    `init` is empty, "imagenet" (the published weights of the compact presets' encoder alone), a
    .pth file of torchvision (those of the paper presets' encoder), the name of shipped weights, or
    a safetensors file.

    `save_every_s` is the training time between two writes of the checkpoint.
    """

    name: str
    method: str = "feelvos"
    preset: str = "compact"
    licence: str = "Apache-2.0"
    init: str = ""
    seed: int = 0
    steps: int = 5000
    save_every_s: float = 120.0
    optimisation: Optimisation = field(default_factory=Optimisation)
    clips: Clips = field(default_factory=Clips)
    data: Data = field(default_factory=Data)
    validation: Validation = field(default_factory=Validation)

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        _check(self, "seed", "save_every_s", least=0)
        _check(self, "steps", least=1)
        if self.method == "feelvos":
            _check(self.validation, "frames", least=3)


def _check(
    settings: object,
    *names: str,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> None:
    """Refuse a setting that is not finite or not in this range.

    Raises:
        UsageError: it names the first such setting and the range.
    """
    table = "" if isinstance(settings, Recipe) else f"{type(settings).__name__.lower()}."
    bounds = {"at least": least, "above": above, "at most": most, "below": below}
    legal = " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)
    for name in names:
        value = getattr(settings, name)
        fits = (
            math.isfinite(value)
            and (least is None or value >= least)
            and (above is None or value > above)
            and (most is None or value <= most)
            and (below is None or value < below)
        )
        if not fits:
            raise UsageError(f"{table}{name} = {value}: it is a number {legal}")


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
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"recipe {path}: not valid TOML: {error}") from error
    return _overlay(Recipe(name=path.stem), table, str(path), "")


def _overlay(default: Any, table: dict[str, Any], path: str, prefix: str) -> Any:
    known = {f.name: getattr(default, f.name) for f in dataclasses.fields(default)}
    changes = {}
    for key, value in table.items():
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean '{prefix}{near[0]}'?" if near else f"legal are {sorted(known)}"
            raise UsageError(f"recipe {path}: unknown setting '{prefix}{key}'; {hint}")
        changes[key] = _value(known[key], value, path, f"{prefix}{key}")
    try:
        return dataclasses.replace(default, **changes)
    except UsageError as error:
        raise UsageError(f"recipe {path}: {error}") from error


def _value(now: Any, value: Any, path: str, name: str) -> Any:
    """A setting from TOML, of the type of the default `now`."""
    if dataclasses.is_dataclass(now) and isinstance(value, dict):
        return _overlay(now, value, path, f"{name}.")
    if dataclasses.is_dataclass(now):
        raise UsageError(f"recipe {path}: '{name}' is a table [{name}], not {value!r}")
    if type(now) is float and type(value) is int:
        return float(value)
    if type(now) is not type(value):
        raise UsageError(f"recipe {path}: '{name}' is a {type(now).__name__}, not {value!r}")
    return value
