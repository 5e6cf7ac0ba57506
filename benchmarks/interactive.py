"""Boxes and clicks, measured: the masks they become, and what corrections by a simulated person do.

python benchmarks/interactive.py --data ../shared/data --set val             # all; an hour and more
python benchmarks/interactive.py --only prompts --set test
python benchmarks/interactive.py --only rounds --every 2 --most 2            # a small part

The person looks at the frame with the lowest J that was not looked at before, clicks at the
objects there, each time in the middle of the largest error, up to `--clicks` times an object or
until its J is .9, and has them followed on from there (the robot of Caelles et al., "The 2018 DAVIS
Challenge", is the model, which scribbles on every object of the worst frame). An object that has
left for good is said to end. First masks are true. With `--one-object` only the object with the
lowest J is corrected. With `--undo` a click that makes the mask worse is taken back, and is the
last one there. With `--both-ways` each correction is followed backwards, too.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from arguments import commit, parser
from propago.components import PROMPTERS, load_component, load_method
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.io.source import Source
from propago.ops.image import image_to_rgb
from propago.ops.object_size import longer_side_px
from propago.prompts import Prompt, Prompter
from propago.training.validate_prompter import box_of, clicked, overlap
from propago.types import VOID, Annotation, Propagator
from simulated_person import Person, corrected_once, opened

CLICKS = 5
"""Asked of each object of a first frame."""

ROUNDS = 8


def main() -> None:
    """Parse, measure what was asked for, print."""
    arguments = parser(__doc__, set_name="val", only=("prompts", "rounds"), threads=2)
    arguments.add_argument("--prompter", action="append", choices=PROMPTERS, help="all if left out")
    arguments.add_argument("--weights", default="default", help="of ritm")
    arguments.add_argument("--size", type=int, help="of ritm, in px")
    arguments.add_argument("--method", default="feelvos", help="what follows the masks")
    arguments.add_argument("--clicks", type=int, default=3, help="of a round, at most")
    arguments.add_argument("--one-object", action="store_true", help="a round, the worst")
    arguments.add_argument("--undo", action="store_true", help="what makes a mask worse")
    arguments.add_argument("--both-ways", action="store_true", help="as `segment` has it")
    arguments.add_argument("--frames", type=int, default=1, help="of a sequence, with prompts")
    arguments.add_argument("--known-size", action="store_true", help="clicks know the size nearby")
    arguments.add_argument("--every", type=int, default=1, help="only every n-th frame, in rounds")
    arguments.add_argument("--most", type=int, help="sequences, in rounds")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    davis, names = options.data / "davis", options.prompter or list(PROMPTERS)
    ritm = {"weights": options.weights, "size": options.size}
    prompters = {
        name: load_component(PROMPTERS, name, "prompter", **(ritm if name == "ritm" else {}))
        for name in names
    }
    print(f"commit {commit()}, set {options.set}, {options.threads} threads")
    for name, prompter in prompters.items():
        print(f"{name}: {prompter.description}", flush=True)
    if options.only in (None, "prompts"):
        objects = objects_of(davis, options.set, options.frames, known_size=options.known_size)
        measure_prompts(objects, options.set, prompters)
    if options.only in (None, "rounds"):
        method = load_method(options.method)
        sources = open_davis(davis, Path(options.set), every=options.every)[: options.most]
        for name, prompter in prompters.items():
            person = Person(
                prompter, options.clicks, undoes=options.undo, one_object=options.one_object
            )
            measure_rounds(davis, sources, name, person, method, both_ways=options.both_ways)


class Timed:
    """A prompter, and how long its answers take."""

    def __init__(self, prompter: Prompter) -> None:
        self.prompter, self.seconds = prompter, []

    def __call__(self, rgb: np.ndarray, prompt: Prompt, /) -> np.ndarray | None:
        """As `Prompter`."""
        begun = time.perf_counter()
        found = self.prompter(rgb, prompt)
        self.seconds.append(time.perf_counter() - begun)
        return found


@dataclass(frozen=True)
class Shown:
    """A picture (H, W, 3) and the truth of one object (H, W): 1, 255 unknown.

    `longer_side_px` is its size in another frame, if that is told.
    """

    image: np.ndarray
    truth: np.ndarray
    longer_side_px: float | None


def measure_prompts(
    objects: Sequence[Shown], set_name: str, prompters: dict[str, Prompter]
) -> None:
    """IoU of objects after a box and after clicks."""
    clicks = " | ".join(f"{n + 1} click{'s' * (n > 0)}" for n in range(CLICKS))
    print(f"\n| IoU ({set_name}) | objects | box | {clicks} | s, box | s, click |")
    print("|" + "---|" * (CLICKS + 5), flush=True)
    for name, prompter in prompters.items():
        boxes, clicking, rows = Timed(prompter), Timed(prompter), []
        for one in objects:
            box = overlap(boxes(one.image, Prompt(box_of(one.truth))), one.truth)
            asked = partial(told_the_size, clicking, one.longer_side_px)
            masks = clicked(asked, one.image, one.truth, CLICKS)
            rows.append([box, *(overlap(mask, one.truth) for mask in masks)])
        cells = " | ".join(f"{mean:.3f}" for mean in np.mean(rows, axis=0))
        times = f"{np.mean(boxes.seconds):.2f} | {np.mean(clicking.seconds):.2f}"
        print(f"| {name} | {len(rows)} | {cells} | {times} |", flush=True)


def told_the_size(
    prompter: Prompter, longer_side_px: float | None, rgb: np.ndarray, prompt: Prompt, /
) -> np.ndarray | None:
    """The answer of a prompter that is told how large the object is in another frame."""
    return prompter(rgb, replace(prompt, longer_side_px=longer_side_px))


def objects_of(davis: Path, set_name: str, frames: int, *, known_size: bool) -> list[Shown]:
    """Every object of the first frame, or of as many frames spread over each sequence."""
    found = []
    for source in open_davis(davis, Path(set_name)):
        folder = davis_annotations(davis, source.name)
        chosen = np.linspace(0, len(list(source)) - 1, frames).round().astype(int).tolist()
        shown = {n: source.frame_at(n) for n in (chosen if frames > 1 else [0])}
        given = {
            n: Annotation(read_mask(folder / f"{frame.name}.png", may_be_empty=True).labels)
            for n, frame in shown.items()
        }
        for n, annotation in given.items():
            for i in annotation.ids:
                labels = annotation.labels
                truth = np.where(labels == VOID, VOID, labels == i).astype(np.uint8)
                size = longer_side_px(given, i, n) if known_size else None
                found.append(Shown(image_to_rgb(shown[n].image), truth, size))
    return found


def measure_rounds(
    davis: Path,
    sources: Sequence[Source],
    name: str,
    person: Person,
    method: Propagator,
    *,
    both_ways: bool,
) -> None:
    """J&F, and the seconds of waiting, after each round."""
    figures, waits = [], []
    for source in sources:
        work = opened(davis, source, method, both_ways=both_ways)
        begun = time.perf_counter()
        work.follow(0)
        rows, seconds = [work.score()], [time.perf_counter() - begun]
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            corrected_once(work, person)
            seconds.append(time.perf_counter() - begun)
            rows.append(work.score())
        figures.append(rows)
        waits.append(seconds)
        print(f"{name}, {source.name}: " + " ".join(f"{row:.3f}" for row in rows), flush=True)
    print(f"\n| {name}, {len(sources)} sequences | " + " | ".join(map(str, range(ROUNDS + 1))))
    print("|" + "---|" * (ROUNDS + 2))
    print("| J&F after the round | " + " | ".join(f"{m:.3f}" for m in np.mean(figures, 0)))
    print("| s of waiting, mean | " + " | ".join(f"{m:.1f}" for m in np.mean(waits, 0)))


if __name__ == "__main__":
    main()
