"""Who is who after a crossing: two look-alikes that pass one another, from stills held out.

Each clip shows a person or a cat and a twin of it (mirrored in every second clip), which move
across one another over a picture, bending and swaying; in every third an upright beam stands where
they meet. An identity is kept in a frame where both are shown and each id overlaps its own object
more than the other.

    python benchmarks/crossing.py --data ../shared/data
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from arguments import commit, parser
from propago.components import load_method
from propago.data.layers import Layer, Part, render
from propago.data.motion import Path as Motion
from propago.data.motion import draw_bend
from propago.data.textures import draw_texture
from propago.metrics.davis import region_similarity
from propago.pipeline import segment_frames
from propago.types import Annotation

FRAMES, SIZE = 48, (480, 854)
MEETING = 20
"""The frame in which their centres meet."""
HEIGHT_PX = 250


def main() -> None:
    """Parse, run, print."""
    arguments = parser(__doc__, threads=2)
    arguments.add_argument("--clips", type=int, nargs="*", default=list(range(12)))
    arguments.add_argument("--weights", default="default", help="of feelvos")
    arguments.add_argument("--save", type=Path, help="folder for clips with ids drawn in")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    cutouts = held_out(options.data / "stills")
    sceneries = sorted((options.data / "coco_small").rglob("*.jpg"))
    method = load_method("feelvos", weights=options.weights)
    print(f"commit {commit()}, {FRAMES} frames\n\n| clip | J | identities kept |\n|---|---|---|")
    rows = []
    for i in options.clips:
        rng = np.random.default_rng(i)
        scenery = np.asarray(Image.open(sceneries[i * 10]).convert("RGB"))
        images, labels = crossing(rng, cutouts[i % len(cutouts)], scenery, i)
        results = segment_frames(images, {0: Annotation(labels[0])}, method)
        found = [result.labels for result in results]
        rows.append(judged(labels[1:], found[1:]))
        print(f"| {i} | {rows[-1][0]:.3f} | {rows[-1][1]:.3f} |", flush=True)
        if options.save:
            draw(options.save / f"{i:02}.jpg", images, found)
    means = np.mean(rows, 0)
    print(f"| **mean** | **{means[0]:.3f}** | **{means[1]:.3f}** |")


def held_out(stills: Path) -> list[np.ndarray]:
    """Whole people and whole cats as (h, w, 4), alternating, of every tenth picture."""
    people = [
        np.array(Image.open(path).convert("RGBA"))
        for path in sorted((stills / "people_cutouts" / "rgba").glob("*.png"))[::10]
    ]
    cats = []
    for path in sorted((stills / "cats" / "images").iterdir())[::10]:
        mask = np.asarray(Image.open(next((stills / "cats" / "masks").glob(f"{path.stem}.*"))))
        picture = np.asarray(Image.open(path).convert("RGB"))
        largest = int(np.bincount(mask[mask > 0], minlength=2).argmax())
        shape = (mask == largest).astype(np.uint8)
        x, y, w, h = cv2.boundingRect(shape)
        inside = min(x, y, mask.shape[1] - x - w, mask.shape[0] - y - h) > 2
        if inside and 0.08 < shape.mean() < 0.6:
            box = np.s_[y : y + h, x : x + w]
            cats.append(np.dstack([picture[box], shape[box] * np.uint8(255)]))
    return [cut for pair in zip(people, cats, strict=False) for cut in pair]


def crossing(
    rng: np.random.Generator, cut: np.ndarray, scenery: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images (T, H, W, 3) and labels (T, H, W) of one clip; object 1 begins on the left."""
    scale = HEIGHT_PX / cut.shape[0]
    cut = cv2.resize(cut, None, None, scale, scale, cv2.INTER_AREA)
    cut = np.pad(cut, ((3, 3), (3, 3), (0, 0)))
    twin = cut[:, ::-1].copy() if number % 2 else cut
    height, width = SIZE
    step_px = rng.uniform(9, 13)
    layers = []
    for label, picture, way in ((1, cut, 1), (2, twin, -1)):
        begin = np.array([-way * step_px * MEETING, rng.uniform(-30, 30), 0.0, rng.normal(0, 0.1)])
        drift = np.array([way * step_px, rng.normal(0, 0.5), 0.0, rng.normal(0, 0.003)])
        swing = np.array([rng.normal(0, 8), rng.normal(0, 6), rng.normal(0, 0.06), 0.03])
        motion = Motion(begin, drift, swing, rng.uniform(0.2, 0.5), rng.uniform(0, 6))
        bend = draw_bend(rng, HEIGHT_PX, 0.02)
        layers.append(Layer((Part(picture, np.eye(3)),), motion, label, bend))
    rng.shuffle(layers)
    if number % 3 == 2:
        still = Motion(np.zeros(4), np.zeros(4), np.zeros(4), 1.0, 0.0)
        beam = cv2.resize(draw_texture(rng, 128), (70, height + 200))
        layers.append(
            Layer(
                (Part(np.dstack([beam, np.full(beam.shape[:2], 255, np.uint8)]), np.eye(3)),),
                still,
                0,
            )
        )
    zoom = 1.3 * max(width / scenery.shape[1], height / scenery.shape[0])
    canvas = cv2.resize(scenery, None, None, zoom, zoom)
    camera = Motion(
        np.array([width / 2, height / 2, 0, 0]),
        np.array([rng.normal(0, 0.8), 0, 0, 0]),
        np.array([3.0, 2, 0, 0]),
        0.3,
        0,
    )
    return render((FRAMES, *SIZE), canvas, camera, layers)


def judged(labels: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> tuple[float, float]:
    """Mean J of both, and the share of frames that show both in which each id is on its own."""
    js, kept = [], []
    for truth, result in zip(labels, found, strict=True):
        js.append(np.mean(region_similarity(truth, result, [1, 2])))
        shared = [[np.sum((truth == own) & (result == i)) for i in (1, 2)] for own in (1, 2)]
        if min(np.sum(truth == 1), np.sum(truth == 2)) > 500:
            kept.append(shared[0][0] > shared[0][1] and shared[1][1] > shared[1][0])
    return float(np.mean(js)), float(np.mean(kept))


def draw(path: Path, images: np.ndarray, found: Sequence[np.ndarray]) -> None:
    """A sheet of every sixth frame with the ids in colour."""
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0]], np.uint8)
    tiles = [
        cv2.resize(np.where(ids[..., None] > 0, image // 2 + colours[ids] // 2, image), (427, 240))
        for image, ids in list(zip(images, found, strict=True))[::6]
    ]
    sheet = np.vstack([np.hstack(tiles[row : row + 2]) for row in range(0, len(tiles), 2)])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)


if __name__ == "__main__":
    main()
