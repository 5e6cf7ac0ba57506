import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as rle

from propago.ops.overlap import box_ious, region_ious
from propago.ops.regions import region_of

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
    regions = [[region_of(mask) for mask in painted(boxes)] for boxes in (a, b)]
    assert np.allclose(box_ious(first, second), region_ious(*regions))


def test_masks_agree_with_the_coco_tools():
    rng = np.random.default_rng(0)
    a, b = rng.random((3, 20, 30)) > 0.5, rng.random((4, 20, 30)) > 0.7
    encoded = [[rle.encode(np.asfortranarray(m.view(np.uint8))) for m in masks] for masks in (a, b)]
    regions = [[region_of(mask) for mask in masks] for masks in (a, b)]
    assert np.allclose(region_ious(*regions), rle.iou(encoded[0], encoded[1], [0] * 4))
