"""`propago train`: a recipe becomes a weights file."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from propago.cli.arguments import parse
from propago.cli.progress import frame_progress
from propago.errors import UsageError

EXTRA = ("accelerate", "tensorboard")
"""Modules that only training imports; the extra `train` brings them."""


@dataclass(frozen=True)
class TrainArguments:
    """Train a network from a recipe; the same command goes on with an interrupted run.

    Examples:
        propago train feelvos-compact --data DATA --minutes 120
    """

    recipe: tyro.conf.Positional[str]
    """A shipped recipe (bridging-compact, feelvos-synthetic, feelvos-compact, feelvos-long,
    feelvos-wide, feelvos-drift, feelvos-merged, feelvos-further, maskrnn-compact,
    maskrnn-long, mask-rcnn-compact, mask-rcnn-long, mask-rcnn-further,
    masktrack-rcnn-compact, rgmp-compact-pairs, rgmp-compact, rgmp-long, rgmp-compact-video,
    rgsn-compact, rgsn-further, ritm-compact, ritm-long, ritm-further, ritm-beyond,
    ritm-onward, seg-with-spn-foreground, spn-compact), or a TOML file."""
    data: Path = Path("data")
    """Folder with the real data of the recipe: davis, saliency_sod, coco_small, voc2007_44,
    stills."""
    out: Path | None = None
    """Run folder: checkpoint, logs, TensorBoard, weights. Default: runs/train/<recipe>."""
    steps: int | None = None
    """Optimiser steps, instead of the recipe's."""
    minutes: float | None = None
    """Wall time, instead of steps."""
    workers: int = 1
    """Processes that prepare examples; with 0 the training prepares them itself."""
    threads: int | None = None
    """Processor threads. Default: all of them."""

    def __post_init__(self) -> None:
        """Refuse budgets that are none.

        Raises:
            UsageError: no steps, no time, or fewer than no workers.
        """
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"--steps is {self.steps}; it is at least 1")
        if self.minutes is not None and not self.minutes > 0:
            raise UsageError(f"--minutes is {self.minutes:g}; it is above 0")
        if self.workers < 0:
            raise UsageError(f"--workers is {self.workers}; it is at least 0")


def run(argv: list[str]) -> int:
    """Train, print each line of the log to stderr and the files to stdout."""
    arguments = parse(TrainArguments, argv, "train")
    try:
        from propago.jobs.train import train
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        raise UsageError(f"training needs {error.name}: pip install 'propago[train]'") from error

    from propago.runs.processor import at_most_threads

    with frame_progress() as bars, at_most_threads(arguments.threads):
        trained = train(
            arguments.recipe,
            data=arguments.data,
            out=arguments.out,
            steps=arguments.steps,
            minutes=arguments.minutes,
            workers=arguments.workers,
            progress=bars.log,
            on_step=bars.training,
        )
    print(f"weights  {trained.weights}\ncard     {trained.card}")
    return 0
