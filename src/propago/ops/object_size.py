"""How large an object is where a person drew it."""

import cv2
import numpy as np

from propago.types import Annotations


def longer_side_px(annotations: Annotations, object_id: int, index: int) -> float | None:
    """The longer side of its box in the nearest other frame that it was drawn on; None without."""
    others = (n for n in annotations if n != index)
    for other in sorted(others, key=lambda n: abs(n - index)):
        here = annotations[other].labels == object_id
        if here.any():
            _, _, width, height = cv2.boundingRect(here.astype(np.uint8))
            return float(max(width, height))
    return None
