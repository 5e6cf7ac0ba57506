"""Val objects that go behind a beam and come back elsewhere, to choose on objects that are lost.

Each object, no longer than 130 px, crosses the scenery of another sequence in 36 frames, behind an
upright beam half again as wide as itself in the middle: out of sight for about five frames. This
writes the clips in the DAVIS layout; `benchmarks/segment.py --data FOLDER --set hidden` reads them.

    python benchmarks/hidden.py FOLDER/davis
"""

from pathlib import Path

import cv2
import numpy as np

from arguments import parser
from pairs import Sequence, read, write, write_list
from propago.io.davis import open_davis

FRAMES, LONGEST_PX, WIDER = 36, 130, 1.5
CROSSED = 0.72
"""Of the width of a frame, in 36 frames."""


def main() -> None:
    """Write two clips of each sequence of a set: to the right, and to the left."""
    arguments = parser(__doc__, set_name="val")
    arguments.add_argument("out", type=Path, help="folder to write to")
    options = arguments.parse_args()
    davis = options.data / "davis"
    clips = {s.name: read(davis, s, FRAMES) for s in open_davis(davis, Path(options.set))}
    names, written = list(clips), []
    for i, name in enumerate(names):
        for step in (1, 2):
            scenery = names[(i + step) % len(names)]
            written.append(f"{name}-behind-{scenery}")
            rng = np.random.default_rng(7 * i + step)
            crossing = behind_a_beam(clips[name], clips[scenery][0], rng, to_the_left=step == 2)
            write(options.out, written[-1], *crossing)
    write_list(options.out, "hidden", written)


def behind_a_beam(
    clip: Sequence, scenery: np.ndarray, rng: np.random.Generator, *, to_the_left: bool
) -> Sequence:
    """A sequence whose first object crosses other images (T, H, W, 3)."""
    masks, (height, width) = clip[1] == 1, scenery.shape[1:3]
    _, _, w, h = cv2.boundingRect(masks[0].astype(np.uint8))
    scale = min(1.0, LONGEST_PX / max(w, h))
    thick = int(WIDER * w * scale)
    grain = rng.integers(0, 255, (height, 40, 3)).astype(np.uint8)
    beam = cv2.resize(cv2.GaussianBlur(grain, (0, 0), 6), (thick, height))
    left, images, labels = (width - thick) // 2, [], []
    for t, (image, mask, place) in enumerate(zip(clip[0], masks, scenery, strict=False)):
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
