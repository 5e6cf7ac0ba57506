"""A weights file and the card beside it: data, recipe, commit, seed, licence, scores."""

import json
import subprocess
from pathlib import Path

from torch import nn

from propago.data.sources import ingredients
from propago.data.task import TrainingTask
from propago.io.atomic import write_text
from propago.nn.weights import save_weights
from propago.training.recipe import RECIPES, Recipe, read_recipe


def save_trained(
    path: Path, net: nn.Module, recipe: Recipe, task: TrainingTask, validation: str | None
) -> None:
    """Write the weights of a trained network and their card.

    Args:
        path: of the weights, in the run folder, whose log says how long it was trained.
        net: the network.
        recipe: what was trained.
        task: what it made of the recipe.
        validation: its result in words; None where its data are absent.

    Raises:
        OutputError: they cannot be written.
    """
    line = path.with_name("log.jsonl").read_text().strip().splitlines()[-1]
    done = json.loads(line)
    about = {
        "network": task.network,
        "licence": recipe.licence,
        "recipe": json.dumps(recipe.record()),
        "commit": commit(),
        "steps": str(done["step"]),
    }
    digest = save_weights(path, net.state_dict(), about)
    text = card(recipe, task, about, digest, done["elapsed_s"], validation)
    write_text(path.with_suffix(".md"), text)


def card(
    recipe: Recipe,
    task: TrainingTask,
    about: dict[str, str],
    digest: str,
    elapsed_s: float,
    validation: str | None,
) -> str:
    """The text of a card.

    Args:
        recipe: what was trained.
        task: what it made of the recipe.
        about: what the weights file says of itself.
        digest: SHA-256 of its tensors.
        elapsed_s: of the training.
        validation: its result in words; None where its data are absent.
    """
    encoder = [f"- encoder: {task.encoder.title}, {_origin(recipe.init)}"] if task.encoder else []
    whence = recipe.taken_from or "there"
    share = f", {recipe.taken:g} of the way from {whence}" if recipe.taken < 1 else ""
    mixture = ", ".join(f"{one.name} {one.weight:g}" for one in ingredients(recipe.data))
    lines = [
        f"# {recipe.name}",
        "",
        f"- network: {about['network']}",
        f"- licence: {about['licence']}",
        *encoder,
        f"- data (share of the examples): {mixture}",
        f"- recipe: {_of_recipe(recipe)}; started from {recipe.init or 'nothing'}{share}",
        f"- seed {recipe.seed}, {about['steps']} steps in {elapsed_s / 60:.0f} minutes, "
        f"commit {about['commit']}",
        f"- sha256 of the tensors: {digest}",
        *([f"- {validation}"] if validation else []),
    ]
    return "\n".join(lines) + "\n"


def _of_recipe(recipe: Recipe) -> str:
    shipped = (RECIPES / f"{recipe.name}.toml").is_file() and read_recipe(recipe.name)
    if recipe == shipped:
        return f"`propago train {recipe.name}`"
    return "one's own, `recipe` in the metadata of the weights file"


def commit(file: Path = Path(__file__)) -> str:
    """The commit of the source tree, "-dirty" where it was changed; "unknown" outside git.

    An installed copy is outside, also where it lies in a repository of something else.
    """
    git = ("git", "-C", str(file.parent))
    tracked = (*git, "ls-files", "--error-unmatch", file.name)
    described = (*git, "describe", "--always", "--dirty", "--exclude", "*")
    try:
        subprocess.run(tracked, capture_output=True, check=True)
        return subprocess.run(described, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _origin(init: str) -> str:
    """How the encoder began."""
    if init == "imagenet":
        return "begun from published ImageNet weights (Apache-2.0)"
    if init.endswith(".pth"):
        return f"begun from published weights in {Path(init).name}"
    return f"begun as in {init}" if init else "untrained at first"
