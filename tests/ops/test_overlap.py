import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as rle

from propago.errors import ShapeError
from propago.ops.overlap import box_ious, mask_ious

corner = st.integers(0, 12)
box = st.tuples(corner, corner, corner, corner).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


def painted(boxes):
    masks = np.zeros((len(boxes), 12, 12), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    return masks


@given(st.lists(box, max_size=4), st.lists(box, max_size=4))
def test_boxes_and_the_masks_they_fill_agree(a, b):
    first, second = (np.array(boxes, float).reshape(-1, 4) for boxes in (a, b))
    assert np.allclose(box_ious(first, second), mask_ious(painted(a), painted(b)))


def test_masks_agree_with_the_coco_tools():
    rng = np.random.default_rng(0)
    a, b = rng.random((3, 20, 30)) > 0.5, rng.random((4, 20, 30)) > 0.7
    encoded = [[rle.encode(np.asfortranarray(m.view(np.uint8))) for m in masks] for masks in (a, b)]
    assert np.allclose(mask_ious(a, b), rle.iou(encoded[0], encoded[1], [0] * 4))
    with pytest.raises(ShapeError, match="one size"):
        mask_ious(a, b[:, 1:])
