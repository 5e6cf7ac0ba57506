"""Where training data come from: one table; adding a source is a function and a line here.

A source is opened when it is used, with the folder it is looked for in and its settings.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from inspect import Parameter, signature
from math import isfinite
from pathlib import Path
from typing import Any

from propago.data.instances import InstanceStill
from propago.data.stills import Still
from propago.data.task import Dataset
from propago.errors import SourceError, UsageError

SOURCES: dict[str, tuple[str, str]] = {
    "synthetic": ("propago.data.synthetic:rendered", ""),
    "davis": ("propago.data.davis_set:davis", "davis"),
    "saliency": ("propago.data.still_sets:saliency", "saliency_sod"),
    "coco": ("propago.data.still_sets:coco", "coco_small"),
    "voc": ("propago.data.still_sets:voc", "voc2007_44"),
    "cats": ("propago.data.still_sets:cats", "stills/cats"),
    "clothes": ("propago.data.still_sets:pictures", "stills/clothes"),
    "people": ("propago.data.still_sets:pictures", "stills/people"),
    "horses": ("propago.data.still_sets:pictures", "stills/horses"),
    "cows": ("propago.data.still_sets:pictures", "stills/cows"),
    "coco_people": ("propago.data.still_sets:pictures", "stills/coco_people"),
    "people_cutouts": ("propago.data.still_sets:cutouts", "stills/people_cutouts"),
    "nuclei": ("propago.data.still_sets:pictures", "stills/nuclei"),
    "soft_masks": ("propago.data.soft_mask_set:soft_masks", "davis"),
}
"""By name: "module:function", called with a folder, and that folder under the data root."""


class DataSource:
    """Annotated data, in the shapes that networks learn from; a shape that it lacks is refused.

    Attributes:
        title: what it is, for messages.
    """

    title: str

    def clips(self, size: tuple[int, int], frames: int, max_objects: int) -> Dataset:
        """Draws a `Clip` of `frames` frames of `size` (H, W)."""
        raise self._lacks("clips")

    def pictures(self, size: tuple[int, int], max_objects: int) -> Dataset:
        """Draws a `Clip` of one frame of `size` (H, W)."""
        raise self._lacks("pictures with all that is in them")

    def stills(self) -> Sequence[Still]:
        """Whole annotated pictures."""
        raise self._lacks("pictures of their own")

    def instances(self) -> Sequence[InstanceStill]:
        """Whole pictures with the classes of their instances."""
        raise self._lacks("classes of instances")

    def _lacks(self, what: str) -> UsageError:
        return UsageError(f"{self.title} have no {what}, which this network learns from")


Sources = Sequence[tuple[float, DataSource]]
"""What a recipe mixes: weights above 0, and sources."""


@dataclass(frozen=True)
class Ingredient:
    """One line of a mixture.

    Attributes:
        name: what the recipe calls it.
        weight: share of the examples, in proportion to the other weights.
        make: called with `folder` and `settings`.
        folder: under the data root; empty: none is needed.
        settings: of the source; paths are under the data root, too.
    """

    name: str
    weight: float
    make: Callable[..., DataSource]
    folder: str
    settings: Mapping[str, Any]

    def opened(self, root: Path) -> DataSource:
        """The source under the data root.

        Raises:
            SourceError: there is no such folder, or it holds something else.
        """
        path = root / self.folder
        if self.folder and not path.is_dir():
            raise SourceError(
                f"the recipe trains on {self.name}, which is looked for in {path}: there is no "
                f"such folder; give the data root as `data`, or leave {self.name} out of the "
                "[data] of a recipe of your own"
            )
        settings = {k: root / v if isinstance(v, Path) else v for k, v in self.settings.items()}
        return self.make(path, **settings)

    @property
    def part(self) -> str:
        """The part of the source that is trained on; empty where it has none."""
        there = signature(self.make).parameters.get("part")
        return "" if there is None else self.settings.get("part", there.default)

    def held_out(self, root: Path) -> DataSource:
        """The part of the source that is not trained on; of a source that has parts.

        Raises:
            SourceError: as `opened`.
        """
        return replace(self, settings={**self.settings, "part": "val"}).opened(root)


def ingredients(table: Mapping[str, float | Mapping[str, Any]]) -> list[Ingredient]:
    """The checked lines of a mixture, those of weight 0 left out.

    Args:
        table: by name a weight, or a mapping with `weight`, the settings of the source, its
            `folder` where it is another one, and its `source` where the name is none of `SOURCES`.

    Raises:
        UsageError: no such source or setting, or a setting of another type; a weight below 0.
    """
    lines = [_ingredient(name, line) for name, line in table.items()]
    return [line for line in lines if line.weight > 0]


def with_held_out(table: Mapping[str, float | Mapping[str, Any]]) -> list[Ingredient]:
    """Those lines of a mixture, see `ingredients`, that leave a part of their source out."""
    return [line for line in ingredients(table) if line.part == "train"]


def _ingredient(name: str, line: float | Mapping[str, Any]) -> Ingredient:
    given = dict(line) if isinstance(line, Mapping) else {"weight": line}
    source, weight = given.pop("source", name), given.pop("weight", None)
    if source not in SOURCES:
        near = get_close_matches(str(source), SOURCES, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(SOURCES)}"
        raise UsageError(f"data.{name}: no source is called '{source}'; {hint}")
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise UsageError(f"data.{name}: weight = {weight!r}: it is a number at least 0")
    if not isfinite(weight) or weight < 0:
        raise UsageError(f"data.{name} = {weight}: it is a number at least 0")
    path, folder = SOURCES[source]
    module, _, function = path.partition(":")
    make = getattr(import_module(module), function)
    folder = str(given.pop("folder", folder))
    return Ingredient(name, float(weight), make, folder, _checked(name, make, given))


def _checked(
    name: str, make: Callable[..., DataSource], settings: dict[str, Any]
) -> dict[str, Any]:
    """The settings of a source, each of the type that its function takes."""
    legal = dict(list(signature(make).parameters.items())[1:])
    settings = {
        key: Path(value) if key in legal and legal[key].annotation is Path else value
        for key, value in settings.items()
    }
    for key, value in settings.items():
        if key not in legal:
            there = ", ".join(["weight", "folder", *legal])
            raise UsageError(f"data.{name}: unknown setting '{key}'; legal are {there}")
        wanted = legal[key].annotation
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise UsageError(f"data.{name}.{key} is a {wanted.__name__}, not {value!r}")
    missing = [k for k, p in legal.items() if p.default is Parameter.empty and k not in settings]
    if missing:
        raise UsageError(f"data.{name}: {', '.join(missing)} is missing")
    return settings
