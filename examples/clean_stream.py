"""The connected-region-aware filter in a loop over a stream whose end nobody knows.

python examples/clean_stream.py VIDEO        # or 0 for a webcam; Ctrl-C ends it
"""

import sys

import cv2
import numpy as np
import torch

import propago


def moving(subtractor: cv2.BackgroundSubtractor, picture: np.ndarray) -> propago.SoftMasks:
    """Scores of one object, whatever moves: put your own segmenter here."""
    mask = subtractor.apply(picture)
    return propago.SoftMasks((1,), torch.from_numpy((mask == 255).astype(np.float32))[None])


def main() -> None:
    """Count what is left of the moving pixels when regions that jump about are taken away."""
    given = sys.argv[1] if len(sys.argv) > 1 else "0"
    stream = cv2.VideoCapture(int(given) if given.isdigit() else given)
    subtractor = cv2.createBackgroundSubtractorMOG2()
    craf = propago.Craf(propago.CrafSettings(islands_px=50))
    state = craf.begin()
    while True:
        there, picture = stream.read()
        if not there:
            break
        masks, _ = craf.filter(state, moving(subtractor, picture))
        state = craf.update(state, masks)
        print(int(masks.labels().sum()), "px move", flush=True)


if __name__ == "__main__":
    main()
