"""The spatial propagation network after anyone's segmenter, here a threshold on brightness.

python examples/refine_other_segmenter.py photo.jpg sharper.png
"""

import sys
from pathlib import Path

import cv2
import numpy as np

import propago


def coarse_logits(rgb: np.ndarray) -> np.ndarray:
    """(H, W) logits of a bright object at an eighth of the size: put your own network here."""
    small = cv2.resize(rgb, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA)
    logits = (small.mean(2) - 128) / 10
    return cv2.resize(logits, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def main() -> None:
    """Read a picture, segment it coarsely, sharpen, write the mask."""
    rgb = np.asarray(cv2.imdecode(np.fromfile(sys.argv[1], np.uint8), cv2.IMREAD_COLOR_RGB))
    scores = 1 / (1 + np.exp(-coarse_logits(rgb)))
    sharper = propago.refine(rgb, scores)
    propago.write_mask(Path(sys.argv[2]), (sharper > 0.5).astype(np.uint8))


if __name__ == "__main__":
    main()
