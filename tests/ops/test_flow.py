import cv2
import numpy as np
import pytest
import torch

from propago.ops.flow import dis_flow, grey, warp


def texture(size, seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), np.empty(0), 0, 255, cv2.NORM_MINMAX)


def test_flow_points_from_now_to_before():
    wide = texture((96, 140))
    before, now = wide[:, 10:110], wide[:, 5:105]  # what was at x is now at x + 5
    flow = dis_flow(np.ascontiguousarray(now), np.ascontiguousarray(before))
    inner = flow[:, 20:-20, 20:-20]
    assert flow.shape == (2, 96, 100)
    assert abs(np.median(inner[0]) + 5) < 0.5
    assert abs(np.median(inner[1])) < 0.5


def test_warping_along_the_flow_rebuilds_the_present():
    x = torch.arange(6.0).expand(1, 1, 4, 6)
    flow = torch.zeros(1, 2, 4, 6)
    flow[:, 0] = -2
    assert warp(x, flow)[0, 0, 0].tolist() == pytest.approx([0, 0, 0, 1, 2, 3], abs=1e-5)
    flow = torch.zeros(1, 2, 4, 6)
    flow[:, 1] = 1
    rows = torch.arange(4.0)[:, None].expand(1, 1, 4, 6)
    assert warp(rows, flow)[0, 0, :, 0].tolist() == pytest.approx([1, 2, 3, 3], abs=1e-5)


def test_no_flow_is_the_identity():
    x = torch.rand(2, 3, 5, 7)
    assert torch.allclose(warp(x, torch.zeros(2, 2, 5, 7)), x, atol=1e-6)


def test_a_picture_too_small_for_the_method_stands_still():
    flow = dis_flow(np.zeros((8, 40), np.uint8), np.zeros((8, 40), np.uint8))
    assert flow.shape == (2, 8, 40)
    assert not flow.any()


def test_grey_is_luma():
    image = torch.zeros(3, 1, 3)
    image[0, 0, 0] = image[1, 0, 1] = image[2, 0, 2] = 1
    assert grey(image).tolist() == [[76, 150, 29]]
