"""Pictures by OpenCV from paths of any letters: on Windows its own reader opens ASCII alone."""

from pathlib import Path

import cv2
import numpy as np


def imread(path: Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray | None:
    """What `cv2.imread` returns: (H, W) or (H, W, 3 or 4) BGR; None where there is no picture."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    return cv2.imdecode(data, flags) if data.size else None
