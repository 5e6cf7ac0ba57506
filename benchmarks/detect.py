"""Detectors: precision of masks on held-out pictures, by set and by class; speed. Tables in a run.

    python benchmarks/detect.py --data ../shared/data

`accuracy`: COCO's mask AP and AP50 on every tenth picture of each set of the recipe, which is not
trained on; where several classes are labelled, once more with all of them as one. `classes`: AP of
the classes of COCO that have at least `--least` held-out instances. `speed`: frames of 854x480.
"""

import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch

import propago
from arguments import commit, parser
from propago.components import DETECTORS, load_component
from propago.data.sources import with_held_out
from propago.io.categories import CATEGORIES
from propago.io.davis import open_davis
from propago.training.recipe import read_recipe
from propago.training.validate_detector import as_one, found_in, precision

KINDS = ("accuracy", "classes", "speed")
MIN_CONFIDENCE = 0.05
FRAMES = 24


def main() -> None:
    arguments = parser(__doc__, set_name="val", only=KINDS, threads=2)
    arguments.add_argument("--detector", choices=list(DETECTORS), default="mask_rcnn")
    arguments.add_argument("--weights", default="default", help="of the detector")
    arguments.add_argument("--size", type=int, help="working size; the preset's if left out")
    arguments.add_argument("--recipe", default="mask-rcnn-compact", help="whose sets are looked at")
    arguments.add_argument("--least", type=int, default=8, help="instances of a class in `classes`")
    arguments.add_argument("--max-inside", type=float, help="of mask_rcnn; its own if left out")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    wanted = KINDS if options.only is None else (options.only,)
    settings = {"weights": options.weights, "size": options.size}
    if options.max_inside is not None:
        settings["max_inside"] = options.max_inside
    print(f"propago {propago.__version__}, commit {commit()}, {options.detector}\n")
    if "speed" in wanted:
        detector = load_component(DETECTORS, options.detector, "`detector`", **settings)
        measure_speed(detector, options.data / "davis", options.set, options.threads)
    if wanted != ("speed",):
        settings["min_confidence"] = MIN_CONFIDENCE
        detector = load_component(DETECTORS, options.detector, "`detector`", **settings)
        data = read_recipe(options.recipe).data
        sets = {line.name: line.held_out(options.data).instances() for line in with_held_out(data)}
        measure_accuracy(detector, sets, wanted, options.least)


def measure_speed(detector, davis, set_name, threads) -> None:
    """Frames a second of the detector alone, decoding aside."""
    source = open_davis(davis, Path(set_name))[0]
    frames = [frame for frame, _ in zip(source, range(FRAMES), strict=False)]
    detector(frames[0])
    begun = time.perf_counter()
    counts = [len(detector(frame)) for frame in frames]
    rate = len(frames) / (time.perf_counter() - begun)
    height, width = frames[0].size
    print(
        f"{rate:.2f} frames/s of {width}x{height}, {threads} threads, {np.mean(counts):.1f} "
        f"instances a frame ({source.name})\n"
    )


def measure_accuracy(detector, sets, wanted, least) -> None:
    print("| held-out pictures of | pictures | instances | AP | AP50 | AP50, classes as one |")
    print("|---|---|---|---|---|---|")
    of_coco = []
    for name, stills in sets.items():
        pairs = [found_in(detector, still) for still in stills]
        figures = precision(pairs)
        several = len({int(c) for truth, _ in pairs for c in truth.classes}) > 1
        one = f"{precision([as_one(*p) for p in pairs]).ap50:.3f}" if several else ""
        count = sum(len(truth.classes) for truth, _ in pairs)
        print(
            f"| {name} | {len(pairs)} | {count} | {figures.ap:.3f} | {figures.ap50:.3f} | {one} |"
        )
        of_coco = pairs if name == "coco" else of_coco
    if "classes" in wanted:
        print_classes(of_coco, least)


def print_classes(pairs, least) -> None:
    counts = Counter(int(c) for truth, _ in pairs for c in truth.classes)
    print("\n| class of COCO | instances | AP |")
    print("|---|---|---|")
    for one in sorted(precision(pairs).categories, key=lambda one: -one.ap):
        if counts[one.category] >= least:
            print(f"| {CATEGORIES[one.category]} | {counts[one.category]} | {one.ap:.3f} |")


if __name__ == "__main__":
    main()
