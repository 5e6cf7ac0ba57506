"""What the training of each network needs: an objective, examples, a validation."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import nn

from propago.errors import UsageError
from propago.methods.feelvos import run as feelvos
from propago.methods.feelvos.net import FeelvosNet
from propago.methods.feelvos.objective import FeelvosObjective
from propago.methods.seg_with_spn.net import NETWORKS, SegNet
from propago.methods.seg_with_spn.objective import SegObjective
from propago.nn.inference import channels_last
from propago.nn.weights import fill, load_weights
from propago.refinement import spn
from propago.refinement.spn_net import SpnNet
from propago.refinement.spn_objective import SpnObjective
from propago.training.batches import ClipExamples, CropExamples, Examples, PictureExamples
from propago.training.crop_validation import Sharpened, validate_crops
from propago.training.foreground_validation import Foreground, validate_foreground
from propago.training.recipe import Recipe
from propago.training.sources import (
    FOLDERS,
    clip_sampler,
    crop_sampler,
    picture_sampler,
    sequence_names,
)
from propago.training.validation import Validated, validate


class Check(Protocol):
    """Validation, which remembers its last result."""

    def __call__(self, net: nn.Module, step: int) -> tuple[dict[str, float], np.ndarray]:
        """Numbers for the log, and an (H, W, 3) uint8 picture."""
        ...

    @property
    def line(self) -> str | None:
        """The last result in words, None before the first."""
        ...


@dataclass(frozen=True)
class Plan:
    """Everything that differs from network to network.

    Attributes:
        network: what the weights file says it is of.
        objective: loss of a batch; its `net` is the network.
        examples: what it learns from.
        check: validation; None where its data are absent.
    """

    network: str
    objective: nn.Module
    examples: Examples
    check: Check | None


def plan_for(recipe: Recipe, root: Path, folder: Path) -> Plan:
    """The plan of a recipe, its network begun as `recipe.init` says.

    Args:
        recipe: all settings.
        root: folder with its real data.
        folder: of the run.

    Raises:
        UsageError: a method or preset that cannot be trained.
        SourceError: data of the recipe are missing.
        WeightsError: `init` names no fitting weights.
    """
    match recipe.method, recipe.preset:
        case "feelvos", "compact":
            net = _begun(FeelvosNet(), recipe, feelvos.NETWORK)
            objective, network = FeelvosObjective(net), feelvos.NETWORK
            examples, check = ClipExamples(clip_sampler(recipe, root)), ClipCheck
        case "spn", "compact":
            net = _begun(SpnNet(), recipe, spn.NETWORK)
            objective, network = SpnObjective(net), spn.NETWORK
            examples, check = CropExamples(crop_sampler(recipe, root, folder)), CropCheck
        case "seg_with_spn", "compact":
            network = NETWORKS["compact"]
            objective = SegObjective(_begun(SegNet(), recipe, network))
            examples, check = PictureExamples(picture_sampler(recipe, root)), ForegroundCheck
        case _:
            raise UsageError(
                f"recipe {recipe.name}: method {recipe.method}, preset {recipe.preset} cannot be "
                "trained; methods feelvos, spn and seg_with_spn, preset compact can"
            )
    davis = root / FOLDERS["davis"]
    return Plan(network, objective, examples, check(recipe, davis) if davis.is_dir() else None)


def _begun(net: Any, recipe: Recipe, network: str) -> Any:
    """`net` as training begins; published weights that do not learn are frozen."""
    if recipe.init == "imagenet":
        net.pretrained.load_published()
    elif recipe.init:
        fill(net, load_weights(recipe.init, network))
    if recipe.optimisation.pretrained_share == 0:
        net.pretrained.requires_grad_(False)
    return channels_last(net)


class ClipCheck:
    """J of FEELVOS on real sequences."""

    def __init__(self, recipe: Recipe, davis: Path) -> None:
        self._settings, self._davis = recipe.validation, davis
        self._last: Validated | None = None

    def __call__(self, net: nn.Module, step: int) -> tuple[dict[str, float], np.ndarray]:
        """See `Check`."""
        settings, method = self._settings, feelvos.Feelvos(copy.deepcopy(net))  # type: ignore[arg-type]
        last = validate(method, self._davis, settings.davis_set, settings.frames)
        self._last = last
        numbers = {"val_j_mean": last.j_mean}
        return numbers | {f"val_j_{n}": j for n, j in last.by_sequence.items()}, last.picture

    @property
    def line(self) -> str | None:
        """See `Check`."""
        if self._last is None:
            return None
        scores = ", ".join(f"{name} {j:.3f}" for name, j in self._last.by_sequence.items())
        return (
            f"J on the first {self._settings.frames} frames of the `{self._settings.davis_set}` "
            f"sequences: {self._last.j_mean:.3f} ({scores})"
        )


class CropCheck:
    """J and F of coarse masks of real objects, before and after."""

    def __init__(self, recipe: Recipe, davis: Path) -> None:
        self._settings, self._davis, self._size = recipe.validation, davis, recipe.clips.height
        self._last: Sharpened | None = None

    def __call__(self, net: nn.Module, step: int) -> tuple[dict[str, float], np.ndarray]:
        """See `Check`."""
        set_name = self._settings.davis_set
        crops = self._settings.frames * len(sequence_names(self._davis, set_name))
        evaluated = copy.deepcopy(net).eval()
        last = validate_crops(evaluated, self._davis, set_name, size=self._size, crops=crops)  # type: ignore[arg-type]
        self._last = last
        names = ("j", "f", "f_2px")
        numbers = {f"val_{n}_before": value for n, value in zip(names, last.before, strict=True)}
        numbers |= {f"val_{n}_after": value for n, value in zip(names, last.after, strict=True)}
        return numbers, last.picture

    @property
    def line(self) -> str | None:
        """See `Check`."""
        if self._last is None:
            return None
        pairs = zip(("J", "F", "F at 2 px"), self._last.before, self._last.after, strict=True)
        return (
            f"{self._last.crops} crops of the `{self._settings.davis_set}` sequences: "
            + ", ".join(f"{name} {before:.3f} -> {after:.3f}" for name, before, after in pairs)
        )


class ForegroundCheck:
    """J of the foreground in single frames of real sequences."""

    def __init__(self, recipe: Recipe, davis: Path) -> None:
        self._settings, self._davis = recipe.validation, davis
        self._last: Foreground | None = None

    def __call__(self, net: nn.Module, step: int) -> tuple[dict[str, float], np.ndarray]:
        """See `Check`."""
        settings, evaluated = self._settings, copy.deepcopy(net).eval()
        last = validate_foreground(evaluated, self._davis, settings.davis_set, settings.frames)  # type: ignore[arg-type]
        self._last = last
        numbers = {"val_j_mean": last.j_mean}
        return numbers | {f"val_j_{n}": j for n, j in last.by_sequence.items()}, last.picture

    @property
    def line(self) -> str | None:
        """See `Check`."""
        if self._last is None:
            return None
        scores = ", ".join(f"{name} {j:.3f}" for name, j in self._last.by_sequence.items())
        return (
            f"J of the foreground in {self._last.frames} frames of the "
            f"`{self._settings.davis_set}` sequences, nothing given: {self._last.j_mean:.3f} "
            f"({scores})"
        )
