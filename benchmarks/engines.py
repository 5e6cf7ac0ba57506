"""ONNX Runtime beside PyTorch on whole detectors: every frame by both, in turn.

What is said are medians over the frames, of the time that passes and of the CPU time of the
process, and how far the detections are apart. The frames are those of a sequence of DAVIS.

python benchmarks/engines.py --data DATA --sequence boat --frames 20 --threads 2
"""

import os
import time
from itertools import islice
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
import torch

from arguments import commit, parser
from propago.components import DETECTORS, load_component
from propago.detections import Detections
from propago.io.video import open_source
from propago.nn.onnx_engine import ENGINES
from propago.types import Frame

METHODS = ("mask_rcnn", "masktrack_rcnn")


def main() -> None:
    """Parse, run, print."""
    arguments = parser(__doc__, threads=2)
    arguments.add_argument("--sequence", default="boat")
    arguments.add_argument("--frames", type=int, default=20)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    folder = options.data / "davis" / "JPEGImages" / "480p" / options.sequence
    frames = list(islice(open_source(folder), options.frames))
    print(f"commit {commit()}, onnxruntime {onnxruntime.__version__}, torch {torch.__version__}")
    print(f"{len(frames)} frames of {options.sequence}, {options.threads} threads\n")
    print("| detector | frames/s, torch | onnx | CPU ms a frame, torch | onnx | boxes apart, px |")
    print("|---|---|---|---|---|---|")
    with TemporaryDirectory() as cache:
        os.environ["PROPAGO_CACHE"] = cache
        for method in METHODS:
            print(measured(method, frames), flush=True)


def measured(method: str, frames: list[Frame]) -> str:
    """A row of the table."""
    detectors = [
        load_component(DETECTORS, method, "method", device="cpu", engine=engine)
        for engine in ENGINES
    ]
    for detector in detectors:
        detector(frames[0])
    turns = [[timed(detector, frame) for detector in detectors] for frame in frames]
    found = [[one[0] for one in turn] for turn in turns]
    wall = [median(turn[n][1] for turn in turns) for n in range(len(ENGINES))]
    cpu = [1000 * median(turn[n][2] for turn in turns) for n in range(len(ENGINES))]
    off = max(apart(*pair) for pair in found)
    return (
        f"| {method} | {1 / wall[0]:.1f} | {1 / wall[1]:.1f} | {cpu[0]:.0f} | {cpu[1]:.0f} "
        f"| {off:.1e} |"
    )


def timed(detector: Any, frame: Frame) -> tuple[Detections, float, float]:
    """What is found, and the seconds and seconds of CPU that it took."""
    began, used = time.perf_counter(), time.process_time()
    found = detector(frame)
    return found, time.perf_counter() - began, time.process_time() - used


def apart(one: Detections, other: Detections) -> float:
    """The largest difference of a box in pixels; infinite where other things are found."""
    if not np.array_equal(one.classes, other.classes):
        return np.inf
    return float(np.abs(one.boxes_xyxy - other.boxes_xyxy).max(initial=0))


if __name__ == "__main__":
    main()
