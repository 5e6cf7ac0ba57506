"""A long video: an object leaves for 300 frames and returns; is it found, do memory and speed hold?

A person of `val` walks in front of the scenery of another `val` sequence, both played to and fro.
From frame 600 on it is away (it walks out to the left), and comes back from the right 300 frames
later. Time is that of the processor, composing the film included: it does not depend on what
else runs.

    python benchmarks/long.py --data ../shared/data
"""

import resource
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch

from arguments import commit, parser
from propago.components import load_method
from propago.data.cutouts import cut_out
from propago.data.layers import composite
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.io.source import Source
from propago.metrics.davis import region_similarity
from propago.ops.image import image_to_rgb
from propago.pipeline import segment_frames
from propago.types import Annotation

LEAVES, AWAY = 600, 300
STEP_PX = 12
BACK = 0.1
"""It is back when this part of what was first seen of it is in the picture."""

Clip = list[tuple[np.ndarray, np.ndarray]]
"""Images (H, W, 3) and labels (H, W), uint8."""


def main() -> None:
    """Parse, run, print."""
    arguments = parser(__doc__, set_name="val", threads=2)
    arguments.add_argument("--frames", type=int, default=2000)
    arguments.add_argument("--who", default="lucia")
    arguments.add_argument("--where", default="drift-turn")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    davis = options.data / "davis"
    sources = {source.name: source for source in open_davis(davis, Path(options.set))}
    actor, scenery = (read(davis, sources[name]) for name in (options.who, options.where))
    film = walking(actor, scenery, options.frames)
    first = next(film)
    method = load_method("feelvos")
    truth, whole_px = [first[1]], (first[1] == 1).sum()

    def shown() -> Iterator[np.ndarray]:
        yield first[0]
        for image, labels in film:
            truth.append(labels)
            yield image

    print(f"commit {commit()}, {options.who} before {options.where}, {options.frames} frames\n")
    print("| frames | J | false pixels where it is away | CPU ms a frame | MB at the end |")
    print("|---|---|---|---|---|")
    overlaps, false, began = [], [], time.process_time()
    shown_at, found_at = None, None
    for t, result in enumerate(segment_frames(shown(), {0: Annotation(first[1])}, method)):
        visible = (truth[0] == 1).sum() / whole_px
        there = visible > 0
        overlap = float(region_similarity(truth.pop(0), result.labels, [1])[0])
        (overlaps if there else false).append(overlap if there else int((result.labels == 1).sum()))
        if t >= LEAVES + AWAY:
            if shown_at is None and visible >= BACK:
                shown_at = t
            if found_at is None and there and overlap > 0.5:
                found_at = t
        if t % 200 == 199:
            cost_ms = 1000 * (time.process_time() - began) / 200
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            js = f"{np.mean(overlaps):.3f}" if overlaps else "-"
            wrong = f"{np.mean(false):.0f}" if false else "-"
            print(
                f"| {t - 199} to {t} | {js} | {wrong} | {cost_ms:.0f} | {memory:.0f} |", flush=True
            )
            overlaps, false, began = [], [], time.process_time()
    print(f"\na tenth of it is back in frame {shown_at}; J is above 0.5 from frame {found_at} on")


def read(davis: Path, source: Source) -> Clip:
    """A sequence, to and fro."""
    forth = []
    for frame in islice(source, 60):
        mask = read_mask(davis_annotations(davis, source.name) / f"{frame.name}.png").labels
        forth.append((image_to_rgb(frame.image).copy(), (mask == 1).astype(np.uint8)))
    return forth + forth[-2:0:-1]


def walking(actor: Clip, scenery: Clip, frames: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The film, frame by frame: images and labels."""
    for t in range(frames):
        picture, mask = actor[t % len(actor)]
        image = scenery[t % len(scenery)][0].copy()
        labels = np.zeros(image.shape[:2], np.uint8)
        rgba, _ = cut_out(picture, mask)
        rgba = cv2.resize(rgba, None, None, 0.8, 0.8, cv2.INTER_AREA)
        height, width = rgba.shape[:2]
        x0 = round(centre_at(t, image.shape[1]) - width / 2)
        y0 = (image.shape[0] - height) // 2 + 40
        left, right = max(x0, 0), min(x0 + width, image.shape[1])
        if left < right:
            seen = np.ascontiguousarray(rgba[:, left - x0 : right - x0])
            composite(image, (left, y0, right, y0 + height), seen)
            labels[y0 : y0 + height, left:right] = seen[..., 3] > 127
        yield image, labels


def centre_at(t: int, width: int) -> float:
    """The column of the object's centre, pixels."""
    swaying = width / 2 + width / 5 * np.sin(t / 25)
    if t < LEAVES:
        return swaying
    left = centre_at(LEAVES - 1, width) - STEP_PX * (t - LEAVES)
    coming = width + 100 - STEP_PX * (t - LEAVES - AWAY)
    return left if t < LEAVES + AWAY else max(coming, swaying)


if __name__ == "__main__":
    main()
