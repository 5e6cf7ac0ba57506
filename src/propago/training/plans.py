"""What the training of each network needs: an objective, examples, a validation."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from propago.errors import UsageError, WeightsError
from propago.methods.feelvos import run as feelvos
from propago.methods.feelvos.net import PRESETS as FEELVOS
from propago.methods.feelvos.net import FeelvosNet
from propago.methods.feelvos.objective import FeelvosObjective
from propago.methods.seg_with_spn.net import PRESETS as SEG
from propago.methods.seg_with_spn.net import SegNet
from propago.methods.seg_with_spn.objective import SegObjective
from propago.nn.efficientnet import EfficientNetLite0
from propago.nn.inference import channels_last
from propago.nn.published import PublishedEncoder
from propago.nn.weights import fill, load_weights
from propago.refinement.spn.net import PRESETS as SPN
from propago.refinement.spn.net import SpnNet
from propago.refinement.spn.objective import SpnObjective
from propago.training.batches import ClipExamples, CropExamples, Examples, PictureExamples
from propago.training.clip_validation import validate_clips
from propago.training.crop_validation import validate_crops
from propago.training.fit import Check
from propago.training.foreground_validation import validate_foreground
from propago.training.recipe import Recipe
from propago.training.sources import (
    FOLDERS,
    clip_sampler,
    crop_sampler,
    picture_sampler,
    sequence_names,
)
from propago.training.validated import Validated


@dataclass(frozen=True)
class Plan:
    """Everything that differs from network to network.

    Attributes:
        network: what the weights file says it is of.
        encoder: name of the part that begins from published weights.
        objective: loss of a batch; its `net` is the network.
        examples: what it learns from.
        check: validation; None where its data are absent.
    """

    network: str
    encoder: str
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
    net, network = _untrained(recipe)
    _begin(net, recipe, network)
    match net:
        case FeelvosNet():
            objective = FeelvosObjective(net)
            examples, check = ClipExamples(clip_sampler(recipe, root)), _check_clips
        case SpnNet():
            objective = SpnObjective(net)
            examples, check = CropExamples(crop_sampler(recipe, root, folder)), _check_crops
        case SegNet():
            objective = SegObjective(net)
            examples, check = PictureExamples(picture_sampler(recipe, root)), _check_foreground
    davis = root / FOLDERS["davis"]
    checked = partial(check, recipe, davis) if davis.is_dir() else None
    return Plan(network, net.pretrained.title, objective, examples, checked)


def _untrained(recipe: Recipe) -> tuple[FeelvosNet | SpnNet | SegNet, str]:
    """The network of a recipe, and what its weights file says it is of."""
    match recipe.method, recipe.preset:
        case "feelvos", "compact":
            return FeelvosNet(), FEELVOS["compact"].network
        case "spn", "compact" | "paper" as preset:
            return SpnNet(SPN[preset].config), SPN[preset].network
        case "seg_with_spn", "compact" | "paper" as preset:
            return SegNet(SEG[preset].config), SEG[preset].network
        case _:
            raise UsageError(
                f"recipe {recipe.name}: method {recipe.method}, preset {recipe.preset} cannot be "
                "trained; feelvos with preset compact can, spn and seg_with_spn with presets "
                "compact and paper"
            )


def _begin(net: FeelvosNet | SpnNet | SegNet, recipe: Recipe, network: str) -> None:
    """`net` as training begins; published weights that do not learn are frozen."""
    if recipe.init == "imagenet" or recipe.init.endswith(".pth"):
        _load_published(net.pretrained, recipe)
    elif recipe.init:
        fill(net, load_weights(recipe.init, network))
    if recipe.optimisation.pretrained_share == 0:
        net.pretrained.requires_grad_(False)
    channels_last(net)


def _load_published(encoder: EfficientNetLite0 | PublishedEncoder, recipe: Recipe) -> None:
    file = None if recipe.init == "imagenet" else Path(recipe.init)
    if isinstance(encoder, PublishedEncoder):
        encoder.load_published(file)
    elif file is None:
        encoder.load_published()
    else:
        raise WeightsError(
            f"recipe {recipe.name}: init {file}: a .pth file is for preset paper; the weights of "
            f'{encoder.title} come with a package: init = "imagenet"'
        )


def _check_clips(recipe: Recipe, davis: Path, net: Any) -> Validated:
    settings = recipe.validation
    method = feelvos.Feelvos(net, device=next(net.parameters()).device)
    return validate_clips(method, davis, settings.davis_set, settings.frames)


def _check_crops(recipe: Recipe, davis: Path, net: Any) -> Validated:
    set_name = recipe.validation.davis_set
    crops = recipe.validation.frames * len(sequence_names(davis, set_name))
    return validate_crops(net, davis, set_name, size=recipe.clips.height, crops=crops)


def _check_foreground(recipe: Recipe, davis: Path, net: Any) -> Validated:
    settings = recipe.validation
    return validate_foreground(net, davis, settings.davis_set, settings.frames)
