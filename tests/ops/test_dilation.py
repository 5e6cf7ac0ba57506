import cv2
import numpy as np
import pytest
import torch

from propago.ops.dilation import widened


def test_a_point_becomes_a_square_that_the_border_cuts():
    masks = torch.zeros(2, 6, 8)
    masks[0, 2, 4], masks[1, 0, 7] = 0.5, 1
    wide = widened(masks, 1)
    assert wide[0].nonzero().tolist() == [[y, x] for y in (1, 2, 3) for x in (3, 4, 5)]
    assert wide[1].nonzero().tolist() == [[y, x] for y in (0, 1) for x in (6, 7)]
    assert wide[0].max() == 0.5


@pytest.mark.parametrize("by", [0, 1, 7, 30])
def test_it_is_dilation_by_a_square(by):
    masks = np.random.default_rng(by).random((3, 20, 31), np.float32)
    square = np.ones((2 * by + 1,) * 2, np.uint8)
    expected = [cv2.dilate(mask, square, borderValue=0) for mask in masks]
    assert np.array_equal(widened(torch.from_numpy(masks), by).numpy(), np.stack(expected))
