"""Fine-tuning on the first frame: what it gains, how long it takes, how much memory. Tables.

    python benchmarks/adapt.py --only quality --set val --method feelvos --finetune none 60s
    python benchmarks/adapt.py --only quality --set val --finetune 120steps 600steps
    python benchmarks/adapt.py --only memory

Every network is tuned anew: the cache of adapted weights lies in a folder of this run.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

import propago
from propago.adaptation.adaptation import Adaptation
from propago.adaptation.budget import Budget
from propago.adaptation.cache import AdaptedCache
from propago.jobs.evaluate import evaluate
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment_set
from propago.methods.seg_with_spn.net import PRESETS, SegNet
from propago.methods.seg_with_spn.run import SIZES, SegWithSpn
from propago.methods.seg_with_spn.settings import SegSettings
from propago.types import Frame, GivenMasks
from segment import commit, print_quality

FRAME = (480, 854)
MEMORY_STEPS, MEMORY_FRAMES = 10, 3


def main() -> None:
    """Parse, run what was asked for, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("PROPAGO_DATA", "../shared/data"))
    )
    parser.add_argument("--set", default="test")
    parser.add_argument("--only", choices=["quality", "memory"])
    parser.add_argument("--method", default="seg_with_spn")
    parser.add_argument("--finetune", nargs="+", default=["60s"], help="budgets, or none")
    parser.add_argument("--refine", choices=["spn", "none"])
    parser.add_argument("--clean", choices=["craf", "none"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peak-of", choices=list(PRESETS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        tune_and_run(options.peak_of, options.threads)
        return
    print(f"propago {propago.__version__}, commit {commit()}, {options.threads} threads\n")
    if options.only in (None, "quality"):
        with tempfile.TemporaryDirectory() as folder:
            measure_quality(options, Path(folder))
    if options.only in (None, "memory"):
        measure_memory(options.threads)


@dataclass
class Watch:
    """Steps and seconds of each fine-tuning, from what its progress tells."""

    steps: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    began: float = 0.0

    def __call__(self, what: str, step: int, spent: float, loss: float) -> None:
        """Hear of a step; the first one of a network begins a new fine-tuning."""
        now = time.perf_counter()
        if not self.steps or step <= self.steps[-1]:
            self.steps.append(step)
            self.seconds.append(0.0)
            self.began = now
        self.steps[-1], self.seconds[-1] = step, now - self.began


def measure_quality(options: argparse.Namespace, folder: Path) -> None:
    """J and F with each budget, and what the tuning took."""
    davis, names, scores, tunings = options.data / "davis", [], {}, {}
    for budget in options.finetune:
        os.environ["PROPAGO_CACHE"], watch = str(folder / "cache"), Watch()
        chosen = SegmentOptions(
            finetune=None if budget == "none" else budget,
            refine=options.refine,
            clean=options.clean,
            threads=options.threads,
            overlay=False,
        )
        out = folder / budget
        done = segment_set(
            davis, options.set, method=options.method, out=out, options=chosen, tuning=watch
        )
        names = [result.name for result in done]
        scores[f"{options.method} {budget}"] = evaluate(out, davis, sequences=names)
        tunings[budget] = watch
    print_quality(options.set, names, scores)
    print("| budget | networks tuned | steps, mean | s, mean |\n|---|---|---|---|")
    for budget, watch in tunings.items():
        if watch.steps:
            steps, seconds = np.mean(watch.steps), np.mean(watch.seconds)
            print(f"| {budget} | {len(watch.steps)} | {steps:.0f} | {seconds:.1f} |")
    print(flush=True)


def measure_memory(threads: int) -> None:
    """Peak resident memory of a process that tunes two networks and follows an object."""
    print("| preset | working size | peak MB | s a step | s a frame |\n|---|---|---|---|---|")
    for preset in PRESETS:
        command = [sys.executable, __file__, "--peak-of", preset, "--threads", str(threads)]
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        print(f"| {preset} | {SIZES[preset]} | {' | '.join(said)} |", flush=True)


def tune_and_run(preset: str, threads: int) -> None:
    """Print peak MB, seconds a step and seconds a frame; weights and picture are random."""
    import resource

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    watch, settings = Watch(), SegSettings(size=SIZES[preset])
    with tempfile.TemporaryDirectory() as folder:
        adaptation = Adaptation(Budget(steps=MEMORY_STEPS), AdaptedCache(Path(folder)), watch)
        method = SegWithSpn(SegNet(PRESETS[preset]), adaptation, settings)
        frame = Frame(torch.rand(3, *FRAME), 0, "00000")
        labels = np.zeros(FRAME, np.uint8)
        labels[120:360, 300:560] = 1
        given, state = GivenMasks(labels), method.begin()
        scores, seen = method.predict(state, frame)
        state = method.update(state, seen, scores.overridden_by(given), given)
        began = time.perf_counter()
        with torch.no_grad():
            for _ in range(MEMORY_FRAMES):
                method.predict(state, frame)
        per_frame = (time.perf_counter() - began) / MEMORY_FRAMES
    per_step = sum(watch.seconds) / max(sum(watch.steps) - len(watch.steps), 1)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak_mb:.0f} {per_step:.2f} {per_frame:.2f}")


if __name__ == "__main__":
    main()
