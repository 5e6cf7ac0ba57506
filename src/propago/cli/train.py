"""`propago train`: a recipe becomes a weights file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from propago.jobs.train import train


@dataclass(frozen=True)
class TrainArguments:
    """Train a network from a recipe; the same command goes on with an interrupted run."""

    recipe: tyro.conf.Positional[str]
    """A shipped recipe (feelvos-compact, feelvos-synthetic, spn-compact), or a TOML file."""
    data: Path = Path("data")
    """Folder with the real data of the recipe: davis, saliency_sod, coco_small, voc2007_44."""
    out: Path | None = None
    """Run folder: checkpoint, logs, TensorBoard, weights. Default: runs/train/<recipe>."""
    steps: int | None = None
    """Optimiser steps, instead of the recipe's."""
    minutes: float | None = None
    """Wall time, instead of steps."""
    workers: int = 1
    """Processes that prepare examples."""


def run(argv: list[str]) -> int:
    """Train, print each line of the log to stderr and the files to stdout."""
    arguments = tyro.cli(TrainArguments, args=argv, prog="propago train")
    errors = Console(stderr=True)

    def show(line: dict[str, Any]) -> None:
        numbers = "  ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in line.items()
        )
        errors.print(numbers, soft_wrap=True, highlight=False)

    trained = train(
        arguments.recipe,
        data=arguments.data,
        out=arguments.out,
        steps=arguments.steps,
        minutes=arguments.minutes,
        workers=arguments.workers,
        progress=show,
    )
    print(f"weights  {trained.weights}\ncard     {trained.card}")
    return 0
