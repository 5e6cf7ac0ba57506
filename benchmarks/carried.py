"""Val objects with a small thing that swings fast round them, to choose on what leaps.

A racket or a ball, at most a third of its bearer's length, swings round it and is out of reach of
optical flow in its fastest frames. This writes the clips in the DAVIS layout;
`benchmarks/segment.py --data FOLDER --set carried` reads them.

    python benchmarks/carried.py FOLDER/davis
"""

from pathlib import Path

import cv2
import numpy as np

from arguments import parser
from pairs import Sequence, read, write, write_list
from propago.io.davis import open_davis

FRAMES = 36
LEAST_PX, MOST_PX = 24, 70
"""Length of the thing."""

BEARER, THING = 1, 2


def main() -> None:
    """Write two clips of each sequence of a set: with a racket, and with a ball."""
    arguments = parser(__doc__, set_name="val")
    arguments.add_argument("out", type=Path, help="folder to write to")
    options = arguments.parse_args()
    davis, written = options.data / "davis", []
    for i, source in enumerate(open_davis(davis, Path(options.set))):
        clip = read(davis, source, FRAMES)
        for kind, drawn in enumerate((racket, ball)):
            written.append(f"{source.name}-{drawn.__name__}")
            rng = np.random.default_rng((11, i, kind))
            write(options.out, written[-1], *swung(clip, rng, *drawn(rng)))
    write_list(options.out, "carried", written)


def racket(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Picture (256, 256, 3) and alpha (256, 256) uint8: a head with strings above a handle."""
    picture = np.full((256, 256, 3), rng.integers(150, 255, 3), np.uint8)
    cv2.ellipse(picture, (128, 84), (58, 78), 0, 0, 360, rng.integers(0, 90, 3).tolist(), 18)
    for at in range(80, 180, 14):
        cv2.line(picture, (at, 10), (at, 160), (90, 90, 90), 3)
    cv2.rectangle(picture, (118, 160), (138, 255), rng.integers(0, 255, 3).tolist(), -1)
    alpha = np.zeros((256, 256), np.uint8)
    cv2.ellipse(alpha, (128, 84), (66, 84), 0, 0, 360, 255, -1)
    cv2.rectangle(alpha, (116, 160), (140, 255), 255, -1)
    return picture, alpha


def ball(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Picture (256, 256, 3) and alpha (256, 256) uint8: a ball in two colours."""
    picture = np.full((256, 256, 3), rng.integers(0, 255, 3), np.uint8)
    cv2.ellipse(picture, (128, 128), (60, 140), 30, 0, 360, rng.integers(0, 255, 3).tolist(), -1)
    alpha = np.zeros((256, 256), np.uint8)
    cv2.circle(alpha, (128, 128), 126, 255, -1)
    return picture, alpha


def swung(
    clip: Sequence, rng: np.random.Generator, picture: np.ndarray, alpha: np.ndarray
) -> Sequence:
    """A sequence whose first object bears a thing that swings to and fro round its middle."""
    phase, period, images, labels = rng.uniform(0, 6), rng.uniform(14, 22), [], []
    for t, (image, bearer) in enumerate(zip(clip[0], clip[1] == 1, strict=True)):
        x, y, w, h = cv2.boundingRect(bearer.astype(np.uint8))
        length = np.clip(max(w, h) / 3, LEAST_PX, MOST_PX)
        angle = -90 + 80 * np.sin(2 * np.pi * t / period + phase)
        turned = np.deg2rad(angle)
        around = 0.5 * np.array([w, h]) + 0.4 * length
        at = np.array([x + w / 2, y + h / 2]) + around * [np.cos(turned), np.sin(turned)]
        matrix = cv2.getRotationMatrix2D((128, 128), -angle - 90, length / 256)
        matrix[:, 2] += at - 128
        size = image.shape[1::-1]
        moved = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_AREA)
        share = cv2.warpAffine(alpha, matrix, size, flags=cv2.INTER_AREA)[..., None] / 255
        images.append((image * (1 - share) + moved * share).astype(np.uint8))
        labels.append(np.where(share[..., 0] > 0.5, THING, np.where(bearer, BEARER, 0)))
    return np.stack(images), np.stack(labels).astype(np.uint8)


if __name__ == "__main__":
    main()
