"""`propago train`: a recipe becomes a weights file with its card."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from propago.io.atomic import replacing
from propago.nn.weights import save_weights
from propago.training.fit import Budget, Fitted, fit
from propago.training.plans import plan_for
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
        UsageError: no such recipe, an unknown setting, a method without training.
        SourceError: data of the recipe are missing.
    """
    chosen = read_recipe(recipe)
    folder = Path(out) if out else RUNS / chosen.name
    torch.manual_seed(chosen.seed)
    plan = plan_for(chosen, Path(data), folder)
    fitted = fit(
        plan.objective,
        plan.examples,
        chosen,
        folder,
        Budget(steps or chosen.steps, minutes),
        check=plan.check,
        workers=workers,
        report=progress,
    )
    return _export(fitted, chosen, folder, plan.network)


def _export(fitted: Fitted, recipe: Recipe, folder: Path, network: str) -> Trained:
    line = (folder / "log.jsonl").read_text().strip().splitlines()[-1]
    done = json.loads(line)
    about = {
        "network": network,
        "licence": recipe.licence,
        "recipe": json.dumps(asdict(recipe)),
        "commit": _commit(),
        "steps": str(done["step"]),
    }
    weights = folder / f"{recipe.name}.safetensors"
    digest = save_weights(weights, fitted.net.state_dict(), about)
    card = weights.with_suffix(".md")
    validated = fitted.validated.line if fitted.validated else None
    with replacing(card) as temporary:
        temporary.write_text(_card(recipe, about, digest, done["elapsed_s"], validated))
    return Trained(weights, card, validated)


def _card(
    recipe: Recipe, about: dict[str, str], digest: str, elapsed_s: float, validated: str | None
) -> str:
    mixture = {k: v for k, v in asdict(recipe.data).items() if isinstance(v, float) and v > 0}
    lines = [
        f"# {recipe.name}",
        "",
        f"- network: {about['network']}",
        f"- licence: {about['licence']}",
        "- encoder: EfficientNet-Lite0, begun from published ImageNet weights (Apache-2.0)",
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
