"""Sharpening masks: what it does to their quality, and how long it takes. Tables in one run.

    python benchmarks/refine.py --data ../shared/data                 # everything
    python benchmarks/refine.py --only quality --set val --every 12

Beside the network stand filters of OpenCV's contrib build and a dense CRF, where they can be
imported. They are no dependencies; a contrib build put in front of the path is enough:

    pip install --no-deps --target FOLDER opencv-contrib-python-headless
    PYTHONPATH=FOLDER python benchmarks/refine.py
"""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch

import propago
from arguments import commit, parser
from propago.components import load_method
from propago.data.coarse import blocks, simplified, uneven
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.io.source import Source
from propago.metrics.davis import boundary_accuracy, region_similarity
from propago.ops.image import image_to_rgb
from propago.pipeline import segment_frames
from propago.refinement.spn.run import Spn
from propago.types import VOID, Annotation, Refiner

Sharpen = Callable[[torch.Tensor, np.ndarray], np.ndarray]
"""(3, H, W) image and (K, H, W) float32 scores to (K, H, W) scores."""

SIZE = (480, 854)


def main() -> None:
    """Parse, measure what was asked for, print."""
    arguments = parser(__doc__, set_name="test", only=("quality", "output", "speed"), threads=2)
    arguments.add_argument("--every", type=int, default=8, help="score every n-th frame")
    arguments.add_argument("--frames", type=int, default=40, help="of the default method's output")
    arguments.add_argument("--weights", default="default")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    spn = Spn.load(options.weights)
    print(
        f"propago {propago.__version__}, commit {commit()}, OpenCV {cv2.__version__}, "
        f"{options.threads} threads, set {options.set}\n"
    )
    davis = options.data / "davis"
    if options.only in (None, "quality"):
        measure_quality(davis, options.set, options.every, spn)
    if options.only in (None, "output"):
        measure_output(davis, options.set, options.frames, options.every, spn)
    if options.only in (None, "speed"):
        measure_speed(spn)


def sharpeners(spn: Spn) -> dict[str, Sharpen]:
    """The network, and what stands beside it."""
    found: dict[str, Sharpen] = {"SPN": partial(by_network, spn)}
    if hasattr(cv2, "ximgproc"):
        found["guided filter"] = partial(row_by_row, guided)
        found["joint bilateral"] = partial(row_by_row, bilateral)
    try:
        import pydensecrf  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        return found
    return found | {"dense CRF": partial(row_by_row, dense_crf)}


def by_network(spn: Spn, image: torch.Tensor, scores: np.ndarray) -> np.ndarray:
    """All objects at once."""
    return spn.refine(image, torch.from_numpy(scores)).numpy()


def row_by_row(
    one: Callable[[np.ndarray, np.ndarray], np.ndarray], image: torch.Tensor, scores: np.ndarray
) -> np.ndarray:
    """A filter that takes (H, W, 3) uint8 and one (H, W) map, for each object by itself."""
    rgb = image_to_rgb(image)
    return np.stack([one(rgb, row) for row in scores]) if len(scores) else scores


def guided(rgb: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """He et al. 2010; untuned radius and epsilon."""
    return cv2.ximgproc.guidedFilter(rgb, coarse, 12, 1e-3 * 255**2)


def bilateral(rgb: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Petschnigg et al. 2004, joint with the picture; untuned widths."""
    return cv2.ximgproc.jointBilateralFilter(rgb.astype(np.float32), coarse, 15, 25, 6)


def dense_crf(rgb: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Krähenbühl and Koltun 2011, with the settings of the package's own example."""
    from pydensecrf import densecrf  # pyright: ignore[reportMissingImports]

    soft = np.clip(np.stack([1 - coarse, coarse]), 0.1, 0.9)
    crf = densecrf.DenseCRF2D(rgb.shape[1], rgb.shape[0], 2)
    crf.setUnaryEnergy(-np.log(soft).reshape(2, -1).astype(np.float32))
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(sxy=40, srgb=13, rgbim=np.ascontiguousarray(rgb), compat=10)
    return np.array(crf.inference(5))[1].reshape(coarse.shape)


def measure_quality(davis: Path, set_name: str, every: int, spn: Spn) -> None:
    """True masks made coarse, and sharpened again."""
    rng = np.random.default_rng(0)
    degradations: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "8x nearest": lambda mask: blocks(mask, 8),
        "5 px noise": lambda mask: uneven(rng, mask, 20, 5),
        "polygons": lambda mask: simplified(mask, 6),
        "true masks": lambda mask: mask.astype(np.float32),
    }
    ways = sharpeners(spn)
    table = Table(["before", *ways])
    for source in open_davis(davis, Path(set_name), every=every):
        for frame in source:
            truth = annotation(davis, source, frame.name)
            ids = Annotation(truth).ids
            masks = [(truth == i).astype(np.uint8) for i in ids]
            for what, degrade in degradations.items() if ids else ():
                coarse = np.stack([degrade(mask) for mask in masks])
                table.add(what, "before", source.name, truth, ids, coarse)
                for name, sharpen in ways.items():
                    table.add(what, name, source.name, truth, ids, sharpen(frame.image, coarse))
    table.print("masks")


def measure_output(davis: Path, set_name: str, frames: int, every: int, spn: Spn) -> None:
    """The default method's own scores, sharpened afterwards, and within the loop."""
    ways, what = sharpeners(spn), "default method"
    table = Table(["before", *ways, "SPN in the loop"])
    for source in open_davis(davis, Path(set_name)):
        for ids, truth, image, scores in followed(davis, source, frames, every, None):
            table.add(what, "before", source.name, truth, ids, scores)
            for name, sharpen in ways.items():
                table.add(what, name, source.name, truth, ids, sharpen(image, scores))
        for ids, truth, _, scores in followed(davis, source, frames, every, spn):
            table.add(what, "SPN in the loop", source.name, truth, ids, scores)
    table.print("masks")


def followed(
    davis: Path, source: Source, frames: int, every: int, refine: Refiner | None
) -> Iterator[tuple[tuple[int, ...], np.ndarray, torch.Tensor, np.ndarray]]:
    """Ids, truth, image and scores of every n-th frame after the first."""
    first = next(iter(source))
    given = Annotation(annotation(davis, source, first.name))
    method = load_method()
    results = segment_frames(islice(source, frames), {first.index: given}, method, refine=refine)
    for result in islice(results, every, None, every):
        truth = annotation(davis, source, result.frame.name)
        scores = result.scores
        yield scores.ids, truth, result.frame.image, scores.probabilities.numpy()


def annotation(davis: Path, source: Source, name: str) -> np.ndarray:
    """(H, W) true ids of a frame."""
    path = davis_annotations(davis, source.name) / f"{name}.png"
    return read_mask(path, may_be_empty=True).labels


class Table:
    """J, F at the official tolerance and F at 2 px: means over frames, then over objects."""

    def __init__(self, columns: list[str]) -> None:
        self._columns = columns
        self._scores: dict[tuple[str, str], dict[tuple[str, int], list[np.ndarray]]] = {}

    def add(
        self,
        what: str,
        who: str,
        sequence: str,
        truth: np.ndarray,
        ids: tuple[int, ...],
        scores: np.ndarray,
    ) -> None:
        """Score the label map in which the most probable object above 0.5 wins."""
        labels = np.where(scores.max(0) > 0.5, np.array(ids)[scores.argmax(0)], 0)
        labels[truth == VOID] = 0
        truth = np.where(truth == VOID, 0, truth).astype(np.uint8)
        labels = labels.astype(np.uint8)
        found = np.array(
            [
                region_similarity(truth, labels, ids),
                boundary_accuracy(truth, labels, ids),
                boundary_accuracy(truth, labels, ids, 2),
            ]
        )
        rows = self._scores.setdefault((what, who), {})
        for i, column in zip(ids, found.T, strict=True):
            rows.setdefault((sequence, i), []).append(column)

    def print(self, title: str) -> None:
        """A row for each kind of mask, a column for each way to sharpen it."""
        print(f"| {title}: J / F / F at 2 px | " + " | ".join(self._columns) + " |")
        print("|---" * (len(self._columns) + 1) + "|")
        for what in dict.fromkeys(what for what, _ in self._scores):
            cells = []
            for who in self._columns:
                objects = self._scores[what, who].values()
                means = np.mean([np.mean(frames, 0) for frames in objects], 0)
                cells.append(" / ".join(f"{mean:.3f}" for mean in means))
            print(f"| {what} | " + " | ".join(cells) + " |")
        print(f"\n{len(objects)} objects\n", flush=True)


def measure_speed(spn: Spn, runs: int = 15) -> None:
    """One object that covers a tenth of a frame of 854x480; wall time, variants in turn."""
    rng = np.random.default_rng(0)
    small = rng.random((30, 54, 3), np.float32)
    image = torch.from_numpy(cv2.resize(small, SIZE[::-1])).permute(2, 0, 1).contiguous()
    mask = np.zeros(SIZE, np.uint8)
    radius = np.sqrt(0.1 * mask.size / np.pi / 1.5)
    cv2.ellipse(mask, (427, 240), (int(radius * 1.5), int(radius)), 30, 0, 360, 1, -1)
    coarse = blocks(mask, 8)[None]
    ways = sharpeners(spn)
    took: dict[str, list[float]] = {name: [] for name in ways}
    for run in range(runs + 1):
        for name, sharpen in ways.items():
            began = time.perf_counter()
            sharpen(image, coarse)
            if run:
                took[name].append(1000 * (time.perf_counter() - began))
    print(f"| one object, {mask.mean():.1%} of 854x480 | ms, median (least) of {runs} |\n|---|---|")
    for name, times in took.items():
        print(f"| {name} | {statistics.median(times):.1f} ({min(times):.1f}) |")
    print(flush=True)


if __name__ == "__main__":
    main()
