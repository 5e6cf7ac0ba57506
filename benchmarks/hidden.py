"""Val objects that go behind a beam and come back elsewhere, to choose on objects that are lost.

Each object, no longer than 130 px, crosses the scenery of another sequence in 36 frames, behind an
upright beam half again as wide as itself in the middle: out of sight for about five frames. This
writes the clips in the DAVIS layout; `benchmarks/segment.py --data FOLDER --set hidden` reads them.

    python benchmarks/hidden.py FOLDER/davis
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from arguments import parser
from pairs import write
from propago.io.davis import open_davis
from propago.io.davis_layout import davis_annotations
from propago.io.masks import read_mask
from propago.ops.image import image_to_rgb

FRAMES, LONGEST_PX, WIDER = 36, 130, 1.5
CROSSED = 0.72
"""Of the width of a frame, in 36 frames."""

Clip = tuple[Sequence[np.ndarray], Sequence[np.ndarray]]
"""Images (H, W, 3) uint8 and masks (H, W) bool."""


def main() -> None:
    """Write two clips of each sequence of a set: to the right, and to the left."""
    arguments = parser(__doc__, set_name="val")
    arguments.add_argument("out", type=Path, help="folder to write to")
    options = arguments.parse_args()
    clips = dict(read(options.data / "davis", Path(options.set)))
    names, written = list(clips), []
    for i, name in enumerate(names):
        for step in (1, 2):
            scenery = names[(i + step) % len(names)]
            written.append(f"{name}-behind-{scenery}")
            rng = np.random.default_rng(7 * i + step)
            crossing = behind_a_beam(clips[name], clips[scenery][0], rng, to_the_left=step == 2)
            write(options.out, written[-1], *crossing)
    (options.out / "ImageSets").mkdir(exist_ok=True)
    (options.out / "ImageSets" / "hidden.txt").write_text("\n".join(written) + "\n")


def read(davis: Path, chosen: Path) -> list[tuple[str, Clip]]:
    """The first frames of each sequence, and the masks of the first object."""
    clips = []
    for source in open_davis(davis, chosen):
        frames, folder = list(islice(source, FRAMES)), davis_annotations(davis, source.name)
        masks = [read_mask(folder / f"{f.name}.png", may_be_empty=True).labels == 1 for f in frames]
        clips.append((source.name, ([image_to_rgb(f.image) for f in frames], masks)))
    return clips


def behind_a_beam(
    clip: Clip, scenery: Sequence[np.ndarray], rng: np.random.Generator, *, to_the_left: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Images (T, H, W, 3) and labels (T, H, W) uint8 of an object that crosses the scenery."""
    height, width = scenery[0].shape[:2]
    _, _, w, h = cv2.boundingRect(clip[1][0].astype(np.uint8))
    scale = min(1.0, LONGEST_PX / max(w, h))
    thick = int(WIDER * w * scale)
    grain = rng.integers(0, 255, (height, 40, 3)).astype(np.uint8)
    beam = cv2.resize(cv2.GaussianBlur(grain, (0, 0), 6), (thick, height))
    left, images, labels = (width - thick) // 2, [], []
    for t, (image, mask, place) in enumerate(zip(*clip, scenery, strict=False)):
        along = 0.5 - CROSSED / 2 + CROSSED * t / (FRAMES - 1)
        x = width * (1 - along if to_the_left else along)
        y = height * (0.55 + 0.1 * np.sin(t / 5))
        picture, shown = moved_onto(place, image, mask, scale, (x, y))
        picture[:, left : left + thick], shown[:, left : left + thick] = beam, False
        images.append(picture)
        labels.append(shown.astype(np.uint8))
    return np.stack(images), np.stack(labels)


def moved_onto(
    place: np.ndarray, image: np.ndarray, mask: np.ndarray, scale: float, at: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """`place` (H, W, 3) with an object scaled, its middle moved to `at` (x, y); its new mask."""
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    shift = np.array(at) - scale * np.array([x + w / 2, y + h / 2])
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    size = place.shape[1::-1]
    moved = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_AREA)
    shown = cv2.warpAffine(mask.astype(np.float32), matrix, size)
    alpha = cv2.GaussianBlur(shown, (0, 0), 0.7)[..., None]
    return (place * (1 - alpha) + moved * alpha).astype(np.uint8), shown > 0.5


if __name__ == "__main__":
    main()
