"""CRAF: injected islands that go, true pixels that stay, and its time. Tables in one run.

    python benchmarks/clean.py --data ../shared/data --set test

The masks are true ones, with two objects made of each: the object and its mirror image, which looks
alike. In every second frame an island of another object's id is put next to an object, and one of
an object's own id far from it. `ground truth` is the same without islands.
"""

import statistics
import time
from pathlib import Path

import cv2
import numpy as np
import torch

import propago
from arguments import commit, parser
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.ops.aggregate import hard_max
from propago.refinement.craf.run import Craf
from propago.refinement.craf.settings import CrafSettings
from propago.types import SoftMasks

SETTINGS = {
    "best (the paper's)": CrafSettings(regions="best"),
    "consistent": CrafSettings(),
    "consistent, no coverage step": CrafSettings(beta=None),
    "consistent, no recovery": CrafSettings(gamma=0.0),
    "consistent, no reach": CrafSettings(reach_px=0),
}
SIZE = (480, 854)


def main() -> None:
    """Parse, measure what was asked for, print."""
    arguments = parser(__doc__, set_name="test", only=("quality", "speed"))
    arguments.add_argument("--frames", type=int, default=40, help="of each sequence")
    options = arguments.parse_args()
    print(f"propago {propago.__version__}, commit {commit()}, set {options.set}\n")
    if options.only in (None, "quality"):
        measure_quality(options.data / "davis", options.set, options.frames)
    if options.only in (None, "speed"):
        measure_speed()


def measure_quality(davis: Path, set_name: str, frames: int) -> None:
    """What each set of rules does to injected islands and to the true masks."""
    clips = [
        [with_a_twin(read_mask(path, may_be_empty=True).labels) for path in paths[:frames]]
        for source in open_davis(davis, Path(set_name))
        if (paths := sorted(davis_annotations(davis, source.name).glob("*.png")))
    ]
    print("| rules | free islands removed | touching ones | both | true pixels lost |", end="")
    print(" lost of the ground truth |\n|---|---|---|---|---|---|")
    for name, settings in SETTINGS.items():
        free, touching, both, undamaged = (
            np.sum([counted(clip, settings, what) for clip in clips], 0)
            for what in ("free", "touching", "both", "none")
        )
        print(
            f"| {name} | {share(free[:2])} | {share(touching[:2])} | {share(both[:2])} | "
            f"{share(both[2:])} | {share(undamaged[2:])} |",
            flush=True,
        )
    print()


def share(pair: np.ndarray) -> str:
    """The first number as a percentage of the second."""
    return f"{pair[0] / max(pair[1], 1):.2%}"


def with_a_twin(labels: np.ndarray) -> np.ndarray:
    """Object 1 is everything that was there, object 2 its mirror image behind it."""
    mask = (labels > 0) & (labels != 255)
    return np.where(mask, 1, np.where(mask[:, ::-1], 2, 0)).astype(np.uint8)


def counted(clip: list[np.ndarray], settings: CrafSettings, islands: str) -> np.ndarray:
    """Injected pixels removed and all, true pixels lost and all."""
    craf, rng = Craf(settings), np.random.default_rng(0)
    state, sums = craf.begin(), np.zeros(4)
    for t, truth in enumerate(clip):
        shown = truth.copy()
        if t % 2:
            inject(rng, shown, islands)
        cleaned, state, _ = craf.clean_labels(state, shown)
        injected, true = shown != truth, (truth > 0) & (shown == truth)
        removed, lost = cleaned[injected] != shown[injected], cleaned[true] != truth[true]
        sums += (removed.sum(), injected.sum(), lost.sum(), true.sum())
    return sums


def inject(rng: np.random.Generator, labels: np.ndarray, islands: str) -> None:
    """Islands of 150 to 1,300 pixels, in background only."""
    empty = labels == 0
    apart = cv2.distanceTransform(empty.astype(np.uint8), cv2.DIST_L2, 3)
    for own in (1, 2):
        radius = int(rng.integers(7, 21))
        if not (labels == own).any():
            continue
        if islands in ("free", "both"):
            place(rng, labels, apart > radius + 12, radius, own, empty)
        if islands in ("touching", "both"):
            from_own = cv2.distanceTransform((labels != own).astype(np.uint8), cv2.DIST_L2, 3)
            place(rng, labels, abs(from_own - radius) < 2, radius, 3 - own, empty)


def place(
    rng: np.random.Generator,
    labels: np.ndarray,
    where: np.ndarray,
    radius: int,
    label: int,
    empty: np.ndarray,
) -> None:
    """A disk around a random point of `where`."""
    rows, columns = np.nonzero(where)
    if len(rows):
        at = rng.integers(len(rows))
        disk = np.zeros(labels.shape, np.uint8)
        cv2.circle(disk, (int(columns[at]), int(rows[at])), radius, 1, -1)
        labels[(disk == 1) & empty] = label


def measure_speed(frames: int = 40) -> None:
    """Three objects that move and a few islands, at 854x480: scores in, scores out."""
    rng, craf = np.random.default_rng(0), Craf()
    state, filtering, updating = craf.begin(), [], []
    for t in range(frames):
        planes = np.zeros((3, *SIZE), np.float32)
        for row, (x, y) in zip(planes, [(200, 150), (450, 250), (650, 330)], strict=True):
            cv2.ellipse(row, (x + 3 * t, y), (90, 60), 20, 0, 360, 0.9, -1)
            for _ in range(4):
                cv2.circle(row, tuple(map(int, rng.integers(20, 460, 2))), 6, 0.8, -1)
        scores = SoftMasks(
            (1, 2, 3), hard_max(SoftMasks((1, 2, 3), torch.from_numpy(planes))).probabilities
        )
        began = time.perf_counter()
        cleaned, _ = craf.filter(state, scores)
        between = time.perf_counter()
        state = craf.update(state, cleaned)
        filtering.append(1000 * (between - began))
        updating.append(1000 * (time.perf_counter() - between))
    both = [a + b for a, b in zip(filtering[1:], updating[1:], strict=True)]
    print("| three objects, 854x480 | ms a frame, median (least) |\n|---|---|")
    for name, times in (("filter", filtering), ("update", updating), ("both", both)):
        print(f"| {name} | {statistics.median(times):.1f} ({min(times):.1f}) |")
    print(flush=True)


if __name__ == "__main__":
    main()
