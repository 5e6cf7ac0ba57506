"""Masks carried through a live stream, picture by picture.

python examples/camera_loop.py VIDEO first_mask.png        # VIDEO: a file, or 0 for a webcam
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import propago


def pictures(video: str) -> Iterator[np.ndarray]:
    """RGB pictures (H, W, 3) uint8 of a file or a webcam."""
    stream = cv2.VideoCapture(int(video) if video.isdigit() else video)
    while True:
        there, picture = stream.read()
        if not there:
            return
        yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def main() -> None:
    """Say how large each object is, frame by frame."""
    session = propago.Session("feelvos")
    masks = propago.read_mask(Path(sys.argv[2])).labels
    for picture in pictures(sys.argv[1]):
        result = session.step(picture, masks)
        masks = None  # or a mask at any later picture: a correction, an object that enters
        if result:
            areas = {i: int((result.labels == i).sum()) for i in result.masks.ids}
            print(result.frame.index, areas, flush=True)


if __name__ == "__main__":
    main()
