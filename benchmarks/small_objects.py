"""What second looks at small objects are worth: `val` at a third of its size, before other scenery.

Each sequence, shrunk, covers the middle of the frames of the next one.

python benchmarks/small_objects.py --data ../shared/data
"""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch

from arguments import commit, parser
from propago.components import load_method
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.io.source import Source
from propago.metrics.davis import region_similarity
from propago.ops.image import image_to_rgb
from propago.pipeline import segment_frames
from propago.types import Annotation, Propagator

FRAMES = 40


def main() -> None:
    """Parse, run, print."""
    arguments = parser(__doc__, set_name="val", threads=2)
    arguments.add_argument("--shrink", type=int, default=3)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    davis = options.data / "davis"
    sources = open_davis(davis, Path(options.set))
    methods = {looks: load_method("feelvos", looks=looks) for looks in (0, 3)}
    print(f"commit {commit()}, {options.set} at 1/{options.shrink}, {FRAMES} frames\n")
    print("| sequence | J without | J with second looks |\n|---|---|---|")
    means, seconds = [], dict.fromkeys(methods, 0.0)
    for source, scenery in zip(sources, (*sources[1:], sources[0]), strict=True):
        clip = list(shrunk(davis, source, scenery, options.shrink))
        row = []
        for looks, method in methods.items():
            began = time.process_time()
            row.append(mean_j(method, clip))
            seconds[looks] += time.process_time() - began
        means.append(row)
        print(f"| {source.name} | " + " | ".join(f"{j:.3f}" for j in row) + " |", flush=True)
    print("| **mean** | " + " | ".join(f"**{j:.3f}**" for j in np.mean(means, 0)) + " |")
    print(f"\nCPU time with second looks: {seconds[3] / seconds[0]:.2f} of that without")


def shrunk(
    davis: Path, source: Source, scenery: Source, by: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frames (H, W, 3) uint8, and labels (H, W) of the sequence's first object."""
    for frame, behind in islice(zip(source, scenery, strict=False), FRAMES):
        picture = image_to_rgb(behind.image).copy()
        labels = np.zeros(picture.shape[:2], np.uint8)
        height, width = (side // by for side in frame.size)
        top, left = (
            (side - own) // 2 for side, own in zip(labels.shape, (height, width), strict=True)
        )
        inside = slice(top, top + height), slice(left, left + width)
        truth = read_mask(davis_annotations(davis, source.name) / f"{frame.name}.png").labels
        share = (truth == 1).astype(np.float32)
        area = cv2.INTER_AREA
        picture[inside] = cv2.resize(image_to_rgb(frame.image), (width, height), None, 0, 0, area)
        labels[inside] = cv2.resize(share, (width, height), None, 0, 0, area) > 0.5
        yield picture, labels


def mean_j(method: Propagator, clip: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean J over all frames but the first, whose labels are given."""
    given = {0: Annotation(clip[0][1])}
    results = segment_frames((picture for picture, _ in clip), given, method)
    pairs = list(zip(results, (labels for _, labels in clip), strict=True))[1:]
    return float(np.mean([region_similarity(true, r.labels, [1])[0] for r, true in pairs]))


if __name__ == "__main__":
    main()
