"""How fast `propago eval` is: CPU seconds against vos-benchmark, and against reading the files.

    python benchmarks/eval.py                     # everything, a few minutes on a free machine
    python benchmarks/eval.py --without-vos       # nothing is installed

vos-benchmark is installed from PyPI into a folder of its own, not into this environment.

The load is synthetic: 5 sequences of 60 frames of 854 x 480 with 3 objects, predictions displaced,
bent and speckled. With PROPAGO_DATA (default ../shared/data) the sequences of DAVIS's `val.txt`
are measured too, against themselves shifted and turned. All tools run in one process, sequence by
sequence in turn, so that a busy machine slows all of them; times are CPU seconds of `evaluate`
and of the other tool's per-sequence function.
"""

import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import cv2
import numpy as np
from PIL import Image

from arguments import parser
from propago.io import png
from propago.io.masks import DAVIS_PALETTE, read_labels
from propago.jobs import evaluate as job
from propago.jobs.evaluate import evaluate

SIZE = (480, 854)
VOS = Path(gettempdir()) / "propago-vos-benchmark"
VOS_PACKAGES = ("vos-benchmark", "tqdm", "scikit-image")
FLOOR, FLOOR_ZLIB = "read both files (isal)", "read both files (zlib)"


def main() -> None:
    """Make the load, measure, print tables."""
    arguments = parser(__doc__)
    arguments.add_argument("--without-vos", action="store_true", help="leave vos-benchmark out")
    arguments.add_argument("--sequences", type=int, default=5)
    arguments.add_argument("--frames", type=int, default=60)
    arguments.add_argument("--repeat", type=int, default=2, help="the best time of each counts")
    arguments.add_argument(
        "--jobs", type=int, nargs="*", default=[1, 2], help="wall time of so many"
    )
    options = arguments.parse_args()
    cv2.setNumThreads(1)
    other = None if options.without_vos else find_vos_benchmark()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for index in range(options.sequences):
            make_sequence(root, f"s{index}", options.frames, seed=index)
        report("synthetic, 3 objects", root / "gt", root / "pred", other, options)
        report_memory(root, options.frames)
    davis = options.data / "davis"
    if davis.is_dir():
        with TemporaryDirectory() as folder:
            gt, pred = take_davis(davis, Path(folder), options.frames)
            report("DAVIS val", gt, pred, other, options)
    else:
        print(f"no DAVIS at {davis}: not measured")


def report(title: str, gt: Path, pred: Path, other: Callable | None, options) -> None:
    """One load: CPU seconds of every tool, factors, agreement."""
    frames = sum(len(list(folder.glob("*.png"))) - 2 for folder in gt.iterdir())
    tools = {
        FLOOR: read_all,
        FLOOR_ZLIB: read_all_zlib,
        "core": with_zlib,
        "fast, below 1000 frames": with_isal,
        "fast": with_kernel,
    }
    if other:
        tools["vos-benchmark"] = other
    seconds = measure(tools, gt, pred, options.repeat)
    floors = dict.fromkeys(tools, seconds[FLOOR]) | {"core": seconds[FLOOR_ZLIB]}
    print(f"\n{title}: {frames} evaluated frames")
    print("| tool | CPU s | ms/frame | vs vos-benchmark | vs reading its files |")
    print("|---|---|---|---|---|")
    for name, spent in seconds.items():
        factor = f"{seconds['vos-benchmark'] / spent:.1f}x" if other else "-"
        floor = f"{spent / floors[name]:.2f}" if name in floors else "-"
        print(f"| {name} | {spent:.3f} | {spent / frames * 1e3:.2f} | {factor} | {floor} |")
    if other:
        print(f"largest difference of J and F from vos-benchmark: {disagreement(gt, pred, other)}")
    whole = process_seconds(gt, pred, options.repeat)
    print(f"\nthe whole process `propago eval`: {whole:.2f} CPU s")
    report_jobs(gt, pred, options.jobs)


def process_seconds(gt: Path, pred: Path, repeat: int) -> float:
    """CPU seconds of the verb, Python's start and all imports included; the best of `repeat`."""
    command = [sys.executable, "-m", "propago", "eval", str(pred), "--gt", str(gt)]
    best = float("inf")
    for _ in range(repeat):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def measure(tools: dict[str, Callable], gt: Path, pred: Path, repeat: int) -> dict[str, float]:
    """CPU seconds of each tool over all sequences, the best of `repeat` for each sequence."""
    seconds = dict.fromkeys(tools, 0.0)
    for sequence in sorted(gt.iterdir()):
        best = dict.fromkeys(seconds, float("inf"))
        for _ in range(repeat):
            for name in seconds:
                start = time.process_time()
                tools[name](sequence, pred / sequence.name)
                best[name] = min(best[name], time.process_time() - start)
        for name in seconds:
            seconds[name] += best[name]
    return seconds


def read_all(gt: Path, pred: Path) -> None:
    """The floor: both label maps of every evaluated frame."""
    for path in sorted(gt.glob("*.png"))[1:-1]:
        read_labels(path)
        read_labels(pred / path.name)


def read_all_zlib(gt: Path, pred: Path) -> None:
    """The same with the standard library's inflate."""
    use_zlib(lambda: read_all(gt, pred))


def with_isal(gt: Path, pred: Path) -> None:
    """`propago eval` with the extra `fast`, as it works on few frames."""
    evaluate(pred, gt)


def with_kernel(gt: Path, pred: Path) -> None:
    """The same with the compiled counts, which evaluate uses by itself for long evaluations."""
    usual, job.COMPILED_FROM_FRAMES = job.COMPILED_FROM_FRAMES, 0
    try:
        job.evaluate(pred, gt)
    finally:
        job.COMPILED_FROM_FRAMES = usual


def with_zlib(gt: Path, pred: Path) -> None:
    """`propago eval` as in a core installation."""
    use_zlib(lambda: evaluate(pred, gt))


def use_zlib(action: Callable[[], object]) -> None:
    """Run something with the standard library's inflate."""
    fast, png.decompress = png.decompress, zlib.decompress
    try:
        action()
    finally:
        png.decompress = fast


def find_vos_benchmark() -> Callable | None:
    """vos-benchmark's evaluation of one sequence, installed if need be; None where that fails."""
    if not VOS.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(VOS)]
        subprocess.run([*pip, *VOS_PACKAGES], check=False)
    sys.path.append(str(VOS))
    try:
        from vos_benchmark.benchmark import VideoEvaluator
    except ImportError as error:
        print(f"vos-benchmark is not measured: {error}")
        return None
    return lambda gt, pred: VideoEvaluator(str(gt.parent), str(pred.parent))(gt.name)


def disagreement(gt: Path, pred: Path, other: Callable) -> float:
    """Largest difference of an object's mean J or F, as fractions."""
    worst = 0.0
    for sequence in sorted(gt.iterdir()):
        _, j, f = other(sequence, pred / sequence.name)
        for o in evaluate(pred / sequence.name, sequence).objects:
            if o.id in j:
                worst = max(worst, abs(o.figures["J_mean"] - j[o.id] / 100))
                worst = max(worst, abs(o.figures["F_mean"] - f[o.id] / 100))
    return worst


def report_jobs(gt: Path, pred: Path, jobs: list[int]) -> None:
    """Wall seconds for several numbers of processes, starting them included."""
    print("\n| --jobs | wall s |\n|---|---|")
    for count in jobs:
        start = time.perf_counter()
        evaluate(pred, gt, jobs=count)
        print(f"| {count} | {time.perf_counter() - start:.2f} |", flush=True)


def report_memory(root: Path, frames: int) -> None:
    """Peak memory of a process that evaluates a short and a four times as long sequence."""
    print("\n| frames in a sequence | peak memory, MiB |\n|---|---|")
    for factor in (1, 4):
        name = f"long{factor}"
        make_sequence(root / name, "s", frames * factor, seed=9)
        code = (
            "import resource, sys; from propago.jobs.evaluate import evaluate;"
            "evaluate(sys.argv[1], sys.argv[2]);"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        command = [sys.executable, "-c", code, str(root / name / "pred"), str(root / name / "gt")]
        peak = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        print(f"| {frames * factor} | {peak / 1024:.0f} |", flush=True)


def make_sequence(root: Path, name: str, frames: int, seed: int) -> None:
    """Three bent blobs that drift; predictions of them displaced, grown, and speckled."""
    rng = np.random.default_rng(seed)
    blobs = [
        (rng.uniform((90, 120), (390, 730)), rng.uniform(-3, 3, 2), rng.uniform(40, 110))
        for _ in range(3)
    ]
    phases = rng.uniform(0, 6, (3, 3))
    for t in range(frames):
        gt, pred = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
        for k, (centre, speed, radius) in enumerate(blobs):
            outline = blob(centre + speed * t, radius, phases[k] + 0.1 * t)
            cv2.fillPoly(gt, [np.rint(outline).astype(np.int32)], k + 1)
            bent = blob(centre + speed * t, radius, phases[k] + 0.1 * t + rng.normal(0, 0.2, 3))
            bent = bent * rng.uniform(0.97, 1.03) + rng.normal(0, 3, 2)
            cv2.fillPoly(pred, [np.rint(bent).astype(np.int32)], k + 1)
        specks = rng.integers(0, 40)
        at = rng.integers(0, SIZE[0], specks), rng.integers(0, SIZE[1], specks)
        pred[at] = rng.integers(0, 4, specks)
        save(root / "gt" / name / f"{t:05d}.png", gt)
        save(root / "pred" / name / f"{t:05d}.png", pred)


def blob(centre: np.ndarray, radius: float, phases: np.ndarray) -> np.ndarray:
    """(200, 2) outline of a bent disk, x then y."""
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    waves = 1 + sum(
        a * np.cos(k * angle + p)
        for k, a, p in zip((2, 3, 5), (0.18, 0.1, 0.05), phases, strict=True)
    )
    return centre[::-1] + radius * waves[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)


def take_davis(davis: Path, folder: Path, frames: int) -> tuple[Path, Path]:
    """The masks of the validation sequences, and the same turned by 2 degrees and shifted."""
    for name in (davis / "ImageSets/val.txt").read_text().split():
        for path in sorted((davis / "Annotations/480p" / name).glob("*.png"))[:frames]:
            target = folder / "gt" / name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
            labels = np.array(Image.open(path))
            turn = cv2.getRotationMatrix2D((SIZE[1] / 2, SIZE[0] / 2), 2, 1.01)
            turned = cv2.warpAffine(labels, turn, labels.shape[::-1], flags=cv2.INTER_NEAREST)
            save(folder / "pred" / name / path.name, turned)
    return folder / "gt", folder / "pred"


def save(path: Path, labels: np.ndarray) -> None:
    """An indexed PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels)
    image.putpalette(DAVIS_PALETTE)
    image.save(path)


if __name__ == "__main__":
    main()
