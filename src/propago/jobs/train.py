"""`propago train`: a recipe becomes a weights file with its card."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from propago.data.sources import ingredients
from propago.data.task import TrainingTask
from propago.finetune.budget import Budget
from propago.io.places import place_of
from propago.training.card import save_trained
from propago.training.checkpoint import CheckpointFile
from propago.training.fit import Watch, fit
from propago.training.recipe import Recipe, checked_settings, read_recipe, task_of
from propago.training.start import begin, taken
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
    task = initial_task(chosen, place_of(data, "data"))
    kept = taken(task, chosen.taken, chosen.taken_from)
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
        save_trained(weights, kept(fitted.net), chosen, task, validation)
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
    begin(task, recipe.init)
    return task


def _budget(recipe: Recipe, steps: int | None, minutes: float | None) -> Budget:
    if minutes is not None:
        return Budget(seconds=60 * minutes)
    return Budget(steps=recipe.steps if steps is None else steps)
