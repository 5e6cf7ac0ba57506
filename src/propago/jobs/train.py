"""`propago train`: a recipe becomes a weights file with its card."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from propago.data.sources import ingredients
from propago.data.task import TrainingTask
from propago.errors import UsageError
from propago.finetune.budget import Budget
from propago.io.atomic import write_text
from propago.nn.weights import fill, fill_encoder, load_weights, save_weights
from propago.training.card import card, commit
from propago.training.checkpoint import CheckpointFile
from propago.training.fit import Watch, fit
from propago.training.recipe import (
    Recipe,
    checked_settings,
    read_recipe,
    task_of,
)
from propago.training.validators import validator_of

RUNS = Path("runs/train")


@dataclass(frozen=True)
class TrainResult:
    """Where a training run ended.

    Attributes:
        weights: the safetensors file.
        card: what stands beside it: data, recipe, commit, seed, licence, scores.
        validation: the result on the validation set, as the card says it; None where its data are
            absent.
    """

    weights: Path
    card: Path
    validation: str | None


def train(
    recipe: str | Path | Recipe,
    *,
    data: str | Path = "data",
    out: str | Path | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    workers: int = 1,
    progress: Callable[[dict[str, Any]], None] | None = None,
    on_step: Callable[[int, float, str], None] | None = None,
) -> TrainResult:
    """Train a network. A run folder that holds an unfinished run is gone on with.

    Args:
        recipe: name of a shipped recipe, a TOML file, or a recipe made in Python.
        data: folder with the recipe's real data; not needed for synthetic clips.
        out: run folder; runs/train/<recipe> if None.
        steps: optimiser steps; the recipe's if None.
        minutes: wall time instead of steps.
        workers: processes that prepare examples.
        progress: called with each line of the log.
        on_step: called as (steps done, share of the budget spent, "training" or "validating").

    Raises:
        UsageError: no such recipe, an unknown setting, a method without training, a budget that is
            not above 0, or an unfinished run with other settings.
        SourceError: data of the recipe are missing.
        OutputError: the unfinished run is damaged, or the run folder cannot be written to.
    """
    chosen = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    budget = _budget(chosen, steps, minutes)
    folder = Path(out) if out else RUNS / chosen.name
    torch.manual_seed(chosen.seed)
    task = initial_task(chosen, Path(data))
    kept = _taken(chosen, task)
    fitted = fit(
        task,
        chosen.optimisation,
        budget,
        CheckpointFile(folder, chosen.record(), chosen.save_every_s),
        seed=chosen.seed,
        validator=validator_of(task, chosen, Path(data), kept),
        workers=workers,
        watch=Watch(progress, on_step),
    )
    weights = folder / f"{chosen.name}.safetensors"
    validation = fitted.validation.line if fitted.validation else None
    trained = TrainResult(weights, weights.with_suffix(".md"), validation)
    if fitted.is_main_process:
        _export(kept(fitted.net), chosen, trained, task)
    return trained


def initial_task(recipe: Recipe, root: Path) -> TrainingTask:
    """What a recipe trains, its network begun as `recipe.init` says.

    Args:
        recipe: all settings.
        root: folder with its real data.

    Raises:
        UsageError: a method or preset that cannot be trained, or data that it cannot learn from.
        SourceError: data of the recipe are missing.
        WeightsError: `init` names no fitting weights.
    """
    make = task_of(recipe.method)
    settings = checked_settings(recipe.method, recipe.task)
    task = make(settings, [(one.weight, one.opened(root)) for one in ingredients(recipe.data)])
    if recipe.init == "imagenet" or recipe.init.endswith(".pth"):
        if task.encoder is None:
            raise UsageError(f"init {recipe.init}: {task.network} has no encoder that it fits")
        task.encoder.load_published(None if recipe.init == "imagenet" else Path(recipe.init))
    elif recipe.init:
        found = load_weights(recipe.init)
        network = found.about.get("network", "")
        if network in task.relatives:
            fill(task.net, replace(found, tensors={**task.relatives[network](found.tensors)}))
        elif network == task.network or not isinstance(task.encoder, nn.Module):
            fill(task.net, load_weights(recipe.init, task.network))
        else:
            fill_encoder(task.encoder, found)
    return task


def _taken(recipe: Recipe, task: TrainingTask) -> Callable[[nn.Module], nn.Module]:
    """Brings trained networks as far as the recipe takes them, in place.

    Raises:
        WeightsError: `taken_from` names no weights of this network.
    """
    start: Mapping[str, Tensor] = {}
    if recipe.taken_from:
        start = load_weights(recipe.taken_from, task.network).tensors
    elif recipe.taken < 1:
        start = {name: value.clone() for name, value in task.net.state_dict().items()}

    def kept(trained: nn.Module) -> nn.Module:
        values = trained.state_dict()
        for name, value in start.items():
            if value.is_floating_point():
                values[name].lerp_(value.to(values[name]), 1 - recipe.taken)
        return trained

    return kept


def _budget(recipe: Recipe, steps: int | None, minutes: float | None) -> Budget:
    if minutes is not None:
        return Budget(seconds=60 * minutes)
    return Budget(steps=recipe.steps if steps is None else steps)


def _export(net: nn.Module, recipe: Recipe, trained: TrainResult, task: TrainingTask) -> None:
    line = trained.weights.with_name("log.jsonl").read_text().strip().splitlines()[-1]
    done = json.loads(line)
    about = {
        "network": task.network,
        "licence": recipe.licence,
        "recipe": json.dumps(recipe.record()),
        "commit": commit(),
        "steps": str(done["step"]),
    }
    digest = save_weights(trained.weights, net.state_dict(), about)
    text = card(recipe, task, about, digest, done["elapsed_s"], trained.validation)
    write_text(trained.card, text)
