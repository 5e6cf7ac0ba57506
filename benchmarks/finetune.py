"""Fine-tuning on the first frame: what it gains, how long it takes, how much memory. Tables.

    python benchmarks/finetune.py --only quality --set val --method feelvos --finetune none 60s
    python benchmarks/finetune.py --only quality --set val --finetune 120steps 600steps
    python benchmarks/finetune.py --only memory

Every network is fine-tuned anew: nothing is kept in a cache.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

import propago
from arguments import commit
from propago.clock import Clock
from propago.components import PROPAGATORS, load_method
from propago.finetune.budget import Budget
from propago.finetune.fine_tuning import FineTuning
from propago.jobs.evaluate import evaluate
from propago.jobs.options import SegmentOptions
from propago.jobs.segment_many import segment_set
from propago.methods.seg_with_spn.net import PRESETS, SegNet
from propago.methods.seg_with_spn.run import SegWithSpn
from propago.methods.seg_with_spn.settings import SegSettings
from propago.types import Annotation, Frame
from segment import print_quality

FRAME = (480, 854)
MEMORY_STEPS, MEMORY_FRAMES = 20, 3
"""As many steps as from one check of the weights to the next."""


def main() -> None:
    """Parse, run what was asked for, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("PROPAGO_DATA", "../shared/data"))
    )
    parser.add_argument("--set", default="test")
    parser.add_argument("--only", choices=["quality", "memory"])
    parser.add_argument("--method", choices=list(PROPAGATORS), default="seg_with_spn")
    parser.add_argument("--finetune", nargs="+", default=["60s"], help="budgets, or none")
    parser.add_argument("--refine", choices=["spn", "none"])
    parser.add_argument("--clean", choices=["craf", "none"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peak-of", choices=list(PRESETS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        fine_tune_and_run(options.peak_of, options.threads)
        return
    if "none" in options.finetune and PROPAGATORS[options.method].finetune:
        parser.error(f"--finetune none: {options.method} is always fine-tuned; give a budget")
    print(f"propago {propago.__version__}, commit {commit()}, {options.threads} threads\n")
    if options.only in (None, "quality"):
        with tempfile.TemporaryDirectory() as folder:
            measure_quality(options, Path(folder))
    if options.only in (None, "memory"):
        measure_memory(options.threads)


def measure_quality(options: argparse.Namespace, folder: Path) -> None:
    """J and F with each budget, and what the fine-tuning took."""
    davis, names, scores, clocks = options.data / "davis", [], {}, {}
    for budget in options.finetune:
        clocks[budget] = steps = StepClock()
        method = load_method(options.method, finetune=finetune(budget, steps))
        row, out = PROPAGATORS[options.method], folder / budget
        done = segment_set(
            davis,
            options.set,
            method=method,
            refine=options.refine or row.refine,
            clean=options.clean or row.clean,
            out=out,
            options=SegmentOptions(threads=options.threads, overlay=False),
        )
        names = [result.name for result in done]
        scores[f"{options.method} {budget}"] = evaluate(out, davis, set=names)
    print_quality(options.set, names, scores)
    print("| budget | networks fine-tuned | steps, mean | s, mean | tried on later frames, s |")
    print("|---|---|---|---|---|")
    for budget, steps in clocks.items():
        if count := steps.fine_tunings:
            trial = steps.clock.seconds.get("trial", 0.0) / count
            mean = f"{steps.steps / count:.0f} | {steps.seconds / count:.1f} | {trial:.1f}"
            print(f"| {budget} | {count} | {mean} |")
    print(flush=True)


@dataclass
class StepClock:
    """When the steps of all fine-tunings ended, and the seconds of each fine-tuning."""

    at: list[tuple[str, float]] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def __call__(self, what: str, *_: float) -> None:
        """A step is done."""
        self.at.append((what, time.perf_counter()))

    @property
    def fine_tunings(self) -> int:
        """How many there were."""
        return sum(n for part, n in self.clock.counts.items() if part != "trial")

    @property
    def steps(self) -> int:
        """Of all of them; frames of trials are none."""
        return sum(f"finetune {what}" in self.clock.counts for what, _ in self.at)

    @property
    def seconds(self) -> float:
        """Of all of them, without trials."""
        return sum(s for part, s in self.clock.seconds.items() if part != "trial")

    def per_step(self) -> float:
        """Mean seconds from a step to the next of the same fine-tuning."""
        pairs = [(b - a) for (one, a), (other, b) in pairwise(self.at) if one == other]
        return sum(pairs) / len(pairs)


def finetune(budget: str, steps: StepClock) -> FineTuning | None:
    """To `budget`, timed by `steps`; None if that is none."""
    if budget == "none":
        return None
    return FineTuning(Budget.parse(budget), progress=steps, clock=steps.clock)


def measure_memory(threads: int) -> None:
    """Peak resident memory of a process that fine-tunes two networks and follows an object."""
    print("| preset | working size | peak MB | s a step | s a frame |\n|---|---|---|---|---|")
    for preset in PRESETS:
        command = [sys.executable, __file__, "--peak-of", preset, "--threads", str(threads)]
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        print(f"| {preset} | {PRESETS[preset].size} | {' | '.join(said)} |", flush=True)


def fine_tune_and_run(preset: str, threads: int) -> None:
    """Print peak MB, seconds a step and seconds a frame; weights and picture are random.

    What comes before the first step is not in its seconds, nor is the last check.
    """
    import resource

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    steps, settings = StepClock(), SegSettings(size=PRESETS[preset].size)
    tuning = finetune(f"{MEMORY_STEPS}steps", steps)
    method = SegWithSpn(SegNet(PRESETS[preset].config), tuning, settings)
    frame = Frame(torch.rand(3, *FRAME), 0, "00000")
    labels = np.zeros(FRAME, np.uint8)
    labels[120:360, 300:560] = 1
    given, state = Annotation(labels), method.begin()
    scores, seen = method.predict(state, frame)
    state = method.update(state, seen, scores.overridden_by(given), given)
    began = time.perf_counter()
    with torch.no_grad():
        for _ in range(MEMORY_FRAMES):
            method.predict(state, frame)
    per_frame = (time.perf_counter() - began) / MEMORY_FRAMES
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak_mb:.0f} {steps.per_step():.2f} {per_frame:.2f}")


if __name__ == "__main__":
    main()
