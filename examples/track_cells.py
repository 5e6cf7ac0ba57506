"""Cells that a segmenter of yours finds frame by frame, tracked: here what is brighter than a half.

python examples/track_cells.py cells/ tracked/
"""

import sys
from collections import Counter

import cv2
import numpy as np

import propago


class Bright:
    """Finds the bright regions of a frame: put your own segmenter here."""

    description = {"detector": "bright"}
    class_names = {1: "cell"}

    def __call__(self, frame: propago.Frame) -> propago.Detections:
        """Without identities."""
        bright = (frame.image.mean(0) > 0.5).numpy().astype(np.uint8)
        return propago.Detections.from_labels(cv2.connectedComponents(bright, ltype=2)[1])


def main() -> None:
    """Track, and say how many frames each cell is there."""
    cells, out = sys.argv[1:]
    result = propago.track(cells, method=Bright(), associator="cells", out=out)
    rows = np.genfromtxt(result.table, delimiter=",", names=True, dtype=None, encoding="utf-8")
    for cell, frames in Counter(np.atleast_1d(rows["id"]).tolist()).items():
        print(f"cell {cell}: {frames} frames")


if __name__ == "__main__":
    main()
