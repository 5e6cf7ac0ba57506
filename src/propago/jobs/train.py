"""`propago train`: a recipe becomes a weights file with its card."""

import copy
import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from propago.errors import UsageError
from propago.io.atomic import replacing
from propago.methods.feelvos.net import FeelvosNet
from propago.methods.feelvos.objective import FeelvosObjective
from propago.methods.feelvos.run import NETWORK, Feelvos
from propago.nn.efficientnet import folded, published_weights
from propago.nn.inference import channels_last
from propago.nn.weights import fill, load_weights, save_weights
from propago.training.fit import Budget, fit
from propago.training.recipe import Recipe, read_recipe
from propago.training.sources import FOLDERS, clip_sampler
from propago.training.validation import Validated, validate

RUNS = Path("runs/train")


@dataclass(frozen=True)
class Trained:
    """Where a training run ended.

    Attributes:
        weights: the safetensors file.
        card: what stands beside it: data, recipe, commit, seed, licence, scores.
        validated: results on the validation set; None where its data are absent.
    """

    weights: Path
    card: Path
    validated: Validated | None


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
        workers: processes that prepare clips.
        progress: called with each line of the log.

    Raises:
        UsageError: no such recipe, an unknown setting, a method without training.
        SourceError: data of the recipe are missing.
    """
    chosen = read_recipe(recipe)
    if (chosen.method, chosen.preset) != ("feelvos", "compact"):
        raise UsageError(f"recipe {recipe}: method feelvos, preset compact can be trained")
    folder, root = Path(out) if out else RUNS / chosen.name, Path(data)
    torch.manual_seed(chosen.seed)
    net = FeelvosNet()
    if chosen.init == "imagenet":
        net.pretrained.load_state_dict(folded(torch.load(published_weights(), weights_only=True)))
    elif chosen.init:
        fill(net, load_weights(chosen.init, NETWORK))
    checks = _Checks(chosen, root, folder)
    net = fit(
        FeelvosObjective(channels_last(net)),
        clip_sampler(chosen, root),
        chosen,
        folder,
        Budget(steps or chosen.steps, minutes),
        check=checks if checks.possible else None,
        workers=workers,
        report=progress,
    )
    return _export(net, chosen, folder, checks.last)


class _Checks:
    """Validation during training; keeps the last result, writes its picture to the folder."""

    def __init__(self, recipe: Recipe, root: Path, folder: Path):
        self._recipe, self._root, self._folder = recipe, root / FOLDERS["davis"], folder
        self.possible = self._root.is_dir()
        self.last: Validated | None = None

    def __call__(self, net: nn.Module, step: int) -> tuple[dict[str, float], np.ndarray]:
        settings = self._recipe.validation
        method = Feelvos(copy.deepcopy(net))  # type: ignore[arg-type]
        self.last = validate(method, self._root, settings.davis_set, settings.frames)
        numbers = {"val_j_mean": self.last.j_mean}
        numbers |= {f"val_j_{name}": j for name, j in self.last.by_sequence.items()}
        return numbers, self.last.picture


def _export(net: nn.Module, recipe: Recipe, folder: Path, validated: Validated | None) -> Trained:
    line = (folder / "log.jsonl").read_text().strip().splitlines()[-1]
    done = json.loads(line)
    about = {
        "network": NETWORK,
        "licence": recipe.licence,
        "recipe": json.dumps(asdict(recipe)),
        "commit": _commit(),
        "steps": str(done["step"]),
    }
    weights = folder / f"{recipe.name}.safetensors"
    digest = save_weights(weights, net.state_dict(), about)
    card = weights.with_suffix(".md")
    with replacing(card) as temporary:
        temporary.write_text(_card(recipe, about, digest, done["elapsed_s"], validated))
    return Trained(weights, card, validated)


def _card(
    recipe: Recipe,
    about: dict[str, str],
    digest: str,
    elapsed_s: float,
    validated: Validated | None,
) -> str:
    mixture = {k: v for k, v in asdict(recipe.data).items() if isinstance(v, float) and v > 0}
    lines = [
        f"# {recipe.name}",
        "",
        f"- network: {about['network']}",
        f"- licence: {about['licence']}",
        "- encoder: EfficientNet-Lite0, begun from published ImageNet weights (Apache-2.0)",
        f"- data (share of the clips): {', '.join(f'{k} {v:g}' for k, v in mixture.items())}",
        f"- recipe: `propago train {recipe.name}`; started from {recipe.init or 'nothing'}",
        f"- seed {recipe.seed}, {about['steps']} steps in {elapsed_s / 60:.0f} minutes, "
        f"commit {about['commit']}",
        f"- sha256 of the tensors: {digest}",
    ]
    if validated:
        scores = ", ".join(f"{name} {j:.3f}" for name, j in validated.by_sequence.items())
        lines.append(
            f"- J on the first {recipe.validation.frames} frames of the "
            f"`{recipe.validation.davis_set}` sequences: {validated.j_mean:.3f} ({scores})"
        )
    return "\n".join(lines) + "\n"


def _commit() -> str:
    """The commit of the source tree, "-dirty" where it was changed; "unknown" outside git."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
