"""The size of an object in the nearest frame that it was drawn on."""

import numpy as np

from propago.ops.object_size import longer_side_px
from propago.types import Annotation


def drawn(height, width, object_id=1):
    labels = np.zeros((40, 60), np.uint8)
    labels[5 : 5 + height, 7 : 7 + width] = object_id
    return Annotation(labels)


def test_the_nearest_other_frame_counts():
    given = {0: drawn(10, 4), 8: drawn(6, 20), 9: drawn(3, 3, object_id=2), 10: drawn(30, 30)}
    assert longer_side_px(given, 1, 3) == 10
    assert longer_side_px(given, 1, 7) == 20
    assert longer_side_px(given, 1, 10) == 20
    assert longer_side_px(given, 2, 0) == 3
    assert longer_side_px(given, 3, 0) is None
