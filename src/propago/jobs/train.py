"""`propago train`: a recipe becomes a weights file with its card."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from propago.finetune.budget import Budget
from propago.io.atomic import replacing
from propago.nn.weights import save_weights
from propago.training.fit import Fitted, fit
from propago.training.plans import Plan, plan_for
from propago.training.recipe import Recipe, read_recipe

RUNS = Path("runs/train")


@dataclass(frozen=True)
class Trained:
    """Where a training run ended.

    Attributes:
        weights: the safetensors file.
        card: what stands beside it: data, recipe, commit, seed, licence, scores.
        validated: the result on the validation set, as the card says it; None where its data are
            absent.
    """

    weights: Path
    card: Path
    validated: str | None


def train(
    recipe: str | Path,
    *,
    data: str | Path = "data",
    out: str | Path | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    workers: int = 1,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> Trained:
    """Train a network. A run folder that holds an unfinished run is gone on with.

    Args:
        recipe: name of a shipped recipe, or a TOML file.
        data: folder with the recipe's real data; not needed for synthetic clips.
        out: run folder; runs/train/<recipe> if None.
        steps: optimiser steps; the recipe's if None.
        minutes: wall time instead of steps.
        workers: processes that prepare examples.
        progress: called with each line of the log.

    Raises:
        UsageError: no such recipe, an unknown setting, a method without training, a budget that is
            not above 0, or an unfinished run with other settings.
        SourceError: data of the recipe are missing.
        OutputError: the unfinished run is damaged, or the run folder cannot be written to.
    """
    chosen = read_recipe(recipe)
    budget = _budget(chosen, steps, minutes)
    folder = Path(out) if out else RUNS / chosen.name
    torch.manual_seed(chosen.seed)
    plan = plan_for(chosen, Path(data), folder)
    fitted = fit(
        plan.objective,
        plan.examples,
        chosen,
        folder,
        budget,
        check=plan.check,
        workers=workers,
        report=progress,
    )
    weights = folder / f"{chosen.name}.safetensors"
    validated = fitted.validated.line if fitted.validated else None
    trained = Trained(weights, weights.with_suffix(".md"), validated)
    if fitted.is_main_process:
        _export(fitted, chosen, trained, plan)
    return trained


def _budget(recipe: Recipe, steps: int | None, minutes: float | None) -> Budget:
    if minutes is not None:
        return Budget(seconds=60 * minutes)
    return Budget(steps=recipe.steps if steps is None else steps)


def _export(fitted: Fitted, recipe: Recipe, trained: Trained, plan: Plan) -> None:
    line = trained.weights.with_name("log.jsonl").read_text().strip().splitlines()[-1]
    done = json.loads(line)
    about = {
        "network": plan.network,
        "licence": recipe.licence,
        "recipe": json.dumps(asdict(recipe)),
        "commit": _commit(),
        "steps": str(done["step"]),
    }
    digest = save_weights(trained.weights, fitted.net.state_dict(), about)
    encoder = f"{plan.encoder}, {_origin(recipe.init)}"
    text = _card(recipe, about, digest, done["elapsed_s"], encoder, trained.validated)
    with replacing(trained.card) as temporary:
        temporary.write_text(text)


def _origin(init: str) -> str:
    """How the encoder began."""
    if init == "imagenet":
        return "begun from published ImageNet weights (Apache-2.0)"
    if init.endswith(".pth"):
        return f"begun from published weights in {Path(init).name}"
    return f"begun as in {init}" if init else "untrained at first"


def _card(
    recipe: Recipe,
    about: dict[str, str],
    digest: str,
    elapsed_s: float,
    encoder: str,
    validated: str | None,
) -> str:
    mixture = {k: v for k, v in asdict(recipe.data).items() if isinstance(v, float) and v > 0}
    lines = [
        f"# {recipe.name}",
        "",
        f"- network: {about['network']}",
        f"- licence: {about['licence']}",
        f"- encoder: {encoder}",
        f"- data (share of the examples): {', '.join(f'{k} {v:g}' for k, v in mixture.items())}",
        f"- recipe: `propago train {recipe.name}`; started from {recipe.init or 'nothing'}",
        f"- seed {recipe.seed}, {about['steps']} steps in {elapsed_s / 60:.0f} minutes, "
        f"commit {about['commit']}",
        f"- sha256 of the tensors: {digest}",
        *([f"- {validated}"] if validated else []),
    ]
    return "\n".join(lines) + "\n"


def _commit() -> str:
    """The commit of the source tree, "-dirty" where it was changed; "unknown" outside git."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
