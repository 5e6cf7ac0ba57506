"""The main job, measured: accuracy on real sequences, speed, memory. One run, one table each.

python benchmarks/segment.py --data ../shared/data            # everything, about 15 minutes
python benchmarks/segment.py --only quality --set val --size 304
"""

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
import torch

import propago
from arguments import commit, parser
from propago.components import load_method
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask, write_mask
from propago.io.source import Source
from propago.io.video import open_source
from propago.io.writer import VideoWriter
from propago.jobs.evaluate import evaluate
from propago.jobs.options import SegmentOptions
from propago.jobs.report import write_report
from propago.jobs.segment import SegmentResult, segment
from propago.methods.first_mask.run import FirstMask
from propago.methods.optical_flow.run import OpticalFlow
from propago.metrics.evaluation import Evaluation
from propago.ops.flow import dis_flow, grey
from propago.ops.image import image_to_rgb
from propago.pipeline import Segmented, segment_frames
from propago.refinement.craf.run import Craf
from propago.refinement.spn.run import Spn
from propago.types import Annotation, Propagator

SPEED_FRAMES = 100
SPEED_SEQUENCE = "bear"
MEMORY_FRAMES = (200, 2000)


def main() -> None:
    """Parse, run what was asked for, print."""
    arguments = parser(__doc__, set_name="test", only=("quality", "speed", "memory"), threads=2)
    arguments.add_argument("--method", default="feelvos")
    arguments.add_argument("--weights", default="default")
    arguments.add_argument("--size", type=int, help="working size, short side in px")
    arguments.add_argument("--refine", choices=["spn", "none"], default="none")
    arguments.add_argument("--clean", choices=["craf", "none"], default="none")
    arguments.add_argument("--report", type=Path, help="write an HTML page about the accuracy")
    arguments.add_argument("--without-baselines", action="store_true")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    method = load_method(options.method, weights=options.weights, size=options.size)
    print(
        f"propago {propago.__version__}, commit {commit()}, {options.threads} threads, "
        f"{method.description}, refine {options.refine}, clean {options.clean}\n"
    )
    if options.only in (None, "quality"):
        methods = {options.method: method}
        if not options.without_baselines:
            methods = {
                "first mask repeated": FirstMask(),
                "carried by DIS flow": OpticalFlow(),
            } | methods
        refine = Spn.load() if options.refine == "spn" else None
        clean = Craf() if options.clean == "craf" else None
        carry = partial(segment_frames, refine=refine, clean=clean)
        measure_quality(options.data / "davis", options.set, methods, options.report, carry)
    with tempfile.TemporaryDirectory() as folder:
        carry = partial(segment, method=method, refine=options.refine, clean=options.clean)
        if options.only in (None, "speed"):
            measure_speed(options.data / "davis", Path(folder), carry)
        if options.only in (None, "memory"):
            measure_memory(options.data / "davis", Path(folder), carry)


def measure_quality(
    davis: Path,
    set_name: str,
    methods: dict[str, Propagator],
    report: Path | None,
    carry: Callable[..., Iterator[Segmented]],
) -> None:
    """J and F by the protocol of DAVIS 2017, first and last frame left out."""
    with tempfile.TemporaryDirectory() as folder:
        masks = {name: Path(folder) / name for name in methods}
        sources = open_davis(davis, Path(set_name))
        for source in sources:
            for name, method in methods.items():
                annotations = davis_annotations(davis, source.name)
                follow(partial(carry, method=method), source, annotations, masks[name])
        names = [source.name for source in sources]
        scores = {name: evaluate(masks[name], davis, set=names) for name in methods}
        print_quality(set_name, names, scores)
        if report:
            write_report(report, scores, images=davis)


def follow(
    carry: Callable[..., Iterator[Segmented]], source: Source, annotations: Path, out: Path
) -> None:
    """Write the masks that are carried on from the first one."""
    folder, first = out / source.name, next(iter(source))
    folder.mkdir(parents=True)
    given = Annotation(read_mask(annotations / f"{first.name}.png").labels)
    for result in carry(source, {first.index: given}):
        write_mask(folder / f"{result.frame.name}.png", result.labels)


def print_quality(set_name: str, names: list[str], scores: dict[str, Evaluation]) -> None:
    """A line for each sequence, then the mean over objects."""
    print(f"| sequence ({set_name}) | objects | " + " | ".join(f"{m} J / F" for m in scores) + " |")
    print("|---|---|" + "---|" * len(scores))
    for name in names:
        found = [[o.figures for o in e.objects if o.sequence == name] for e in scores.values()]
        cells = [
            f"{np.mean([o['J_mean'] for o in own]):.3f} / {np.mean([o['F_mean'] for o in own]):.3f}"
            for own in found
        ]
        print(f"| {name} | {len(found[0])} | " + " | ".join(cells) + " |")
    objects = len(next(iter(scores.values())).objects)
    means = [e.figures for e in scores.values()]
    print(
        f"| **mean over objects** | {objects} | "
        + " | ".join(f"**{s['J_mean']:.3f} / {s['F_mean']:.3f}**" for s in means)
        + " |\n",
        flush=True,
    )


def measure_speed(davis: Path, folder: Path, carry: Callable[..., SegmentResult]) -> None:
    """Frames per second of the whole job, decoding and writing included, and its floors."""
    video, mask = write_clip(davis, folder, SPEED_FRAMES), folder / "one.png"
    five = folder / "five.png"
    truth = read_mask(davis_annotations(davis, SPEED_SEQUENCE) / "00000.png").labels
    write_mask(mask, (truth == 1).astype(np.uint8))
    write_mask(five, with_four_more(truth == 1))
    run = {}
    for name, given in (("one object", mask), ("five objects", five)):
        carry(video, given, out=folder / "warm", options=SegmentOptions(overwrite=True, end=4))
        result = carry(video, given, out=folder / name)
        run[name] = result.frames_per_s
    floors = {
        "decoding + encoding alone": time_io(video, folder),
        "DIS flow alone": time_flow(video),
    }
    print(f"| 854x480, {SPEED_FRAMES} frames, everything included | frames/s |\n|---|---|")
    for name, rate in (run | floors).items():
        print(f"| {name} | {rate:.1f} |")
    print(
        f"| five objects / one object | {run['five objects'] / run['one object']:.2f} |\n",
        flush=True,
    )


def write_clip(davis: Path, folder: Path, frames: int) -> Path:
    """An H.264 video of a real sequence, repeated forwards and backwards to `frames` frames."""
    source = next(s for s in open_davis(davis) if s.name == SPEED_SEQUENCE)
    pictures = [image_to_rgb(frame.image) for frame in source]
    path = folder / f"clip{frames}.mp4"
    with VideoWriter(path, source.size, Fraction(25)) as writer:
        for picture in islice(cycle(pictures + pictures[::-1]), frames):
            writer.write(picture)
    return path


def with_four_more(mask: np.ndarray) -> np.ndarray:
    """The object, and four ellipses of half its area each around the picture."""
    labels = np.zeros(mask.shape, np.uint8)
    height, width = mask.shape
    radius = int(np.sqrt(mask.sum() / 2 / np.pi))
    for i, (x, y) in enumerate([(0.15, 0.2), (0.85, 0.2), (0.15, 0.8), (0.85, 0.8)], 2):
        cv2.ellipse(labels, (int(x * width), int(y * height)), (radius, radius), 0, 0, 360, i, -1)
    labels[mask] = 1
    return labels


def time_io(video: Path, folder: Path) -> float:
    """Frames per second of decoding and encoding, nothing between."""
    source, began, count = open_source(video), time.perf_counter(), 0
    with VideoWriter(folder / "copy.mp4", source.size, source.fps or 25) as writer:
        for frame in source:
            writer.write(image_to_rgb(frame.image))
            count += 1
    return count / (time.perf_counter() - began)


def time_flow(video: Path) -> float:
    """Frames per second of DIS flow at 854x480, nothing else counted."""
    greys = [grey(frame.image) for frame in islice(open_source(video), 20)]
    began = time.perf_counter()
    for now, before in zip(greys[1:], greys[:-1], strict=True):
        dis_flow(now, before)
    return (len(greys) - 1) / (time.perf_counter() - began)


def measure_memory(davis: Path, folder: Path, carry: Callable[..., SegmentResult]) -> None:
    """Resident size of the process after few and after many frames of one run."""
    early, late = MEMORY_FRAMES
    video, mask = write_clip(davis, folder, late), folder / "one.png"
    truth = read_mask(davis_annotations(davis, SPEED_SEQUENCE) / "00000.png").labels
    write_mask(mask, (truth == 1).astype(np.uint8))
    seen: dict[int, float] = {}

    def watch(done: int, total: int | None, what: str) -> None:
        if done in MEMORY_FRAMES and done not in seen:
            seen[done] = resident_mb()

    out = folder / "long"
    carry(video, mask, out=out, progress=watch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("| frames | resident MB |\n|---|---|")
    for frames, megabytes in seen.items():
        print(f"| {frames} | {megabytes:.0f} |")
    print(f"| growth | {seen[late] - seen[early]:.1f} |\n| peak | {peak:.0f} |\n", flush=True)


def resident_mb() -> float:
    """Resident size of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
