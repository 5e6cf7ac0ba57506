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
from pathlib import Path

import numpy as np
import torch

import propago
from arguments import commit
from propago.components import PROPAGATORS, load_method
from propago.finetune.budget import Budget
from propago.finetune.cache import FineTuneCache
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneResult
from propago.jobs.evaluate import evaluate
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment_set
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
        tune_and_run(options.peak_of, options.threads)
        return
    if "none" in options.finetune and PROPAGATORS[options.method].finetune:
        parser.error(f"--finetune none: {options.method} does not work untuned; give a budget")
    print(f"propago {propago.__version__}, commit {commit()}, {options.threads} threads\n")
    if options.only in (None, "quality"):
        with tempfile.TemporaryDirectory() as folder:
            measure_quality(options, Path(folder))
    if options.only in (None, "memory"):
        measure_memory(options.threads)


def measure_quality(options: argparse.Namespace, folder: Path) -> None:
    """J and F with each budget, and what the tuning took."""
    davis, names, scores, tunings = options.data / "davis", [], {}, {}
    for budget in options.finetune:
        tunings[budget] = made = list[FineTuneResult]()
        method = load_method(options.method, finetune=finetune(budget, folder, made))
        row, out = PROPAGATORS[options.method], folder / budget
        chosen = SegmentOptions(
            refine=options.refine or row.refine,
            clean=options.clean or row.clean,
            threads=options.threads,
            overlay=False,
        )
        done = segment_set(davis, options.set, method=method, out=out, options=chosen)
        names = [result.name for result in done]
        scores[f"{options.method} {budget}"] = evaluate(out, davis, set=names)
    print_quality(options.set, names, scores)
    print("| budget | networks tuned | steps, mean | s, mean |\n|---|---|---|---|")
    for budget, made in tunings.items():
        if made:
            steps, seconds = (
                np.mean([getattr(t, of) for t in made]) for of in ("steps", "seconds")
            )
            print(f"| {budget} | {len(made)} | {steps:.0f} | {seconds:.1f} |")
    print(flush=True)


def finetune(budget: str, folder: Path, made: list[FineTuneResult]) -> FineTuning | None:
    """To `budget`, noted in `made`; None if that is none."""
    if budget == "none":
        return None
    cache = FineTuneCache(folder / "cache")
    return FineTuning(Budget.parse(budget), cache, made=lambda _, result: made.append(result))


def measure_memory(threads: int) -> None:
    """Peak resident memory of a process that tunes two networks and follows an object."""
    print("| preset | working size | peak MB | s a step | s a frame |\n|---|---|---|---|---|")
    for preset in PRESETS:
        command = [sys.executable, __file__, "--peak-of", preset, "--threads", str(threads)]
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        print(f"| {preset} | {PRESETS[preset].size} | {' | '.join(said)} |", flush=True)


def tune_and_run(preset: str, threads: int) -> None:
    """Print peak MB, seconds a step and seconds a frame; weights and picture are random.

    A step's share of the checks is in its seconds, what comes before the first step is not.
    """
    import resource

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    made, settings = list[FineTuneResult](), SegSettings(size=PRESETS[preset].size)
    with tempfile.TemporaryDirectory() as folder:
        adapting = finetune(f"{MEMORY_STEPS}steps", Path(folder), made)
        method = SegWithSpn(SegNet(PRESETS[preset].config), adapting, settings)
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
    checked = [[seconds for _, seconds, _ in tuned.history] for tuned in made]
    per_step = sum(own[-1] - own[0] for own in checked) / sum(tuned.steps for tuned in made)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak_mb:.0f} {per_step:.2f} {per_frame:.2f}")


if __name__ == "__main__":
    main()
