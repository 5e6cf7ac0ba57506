import cv2
import numpy as np
import pytest

from propago.data.coarse import blocks, draw_coarse, low_resolution, simplified, soft, uneven

SIZE = (96, 120)


def disk():
    mask = np.zeros(SIZE, np.uint8)
    cv2.circle(mask, (60, 48), 30, 1, -1)
    cv2.circle(mask, (60, 48), 8, 0, -1)
    return mask


def jaccard(a, b):
    a, b = a > 0.5, b > 0.5
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_blocks_are_opencvs_nearest_neighbour(factor):
    mask = disk()
    few = (SIZE[1] // factor, SIZE[0] // factor)
    low = cv2.resize(mask, few, interpolation=cv2.INTER_NEAREST)
    wanted = cv2.resize(low, SIZE[::-1], interpolation=cv2.INTER_NEAREST)
    assert np.array_equal(blocks(mask, factor), wanted)


def test_blocks_of_another_grid_and_sample():
    ramp = np.arange(12, dtype=np.uint8)[None].repeat(3, 0)
    coarse = blocks(ramp, 4, grid=(0, 1), sample=(0, 2))
    assert coarse[0].tolist() == [1, 1, 1, 5, 5, 5, 5, 9, 9, 9, 9, 11]


def test_an_outline_moves_as_far_as_it_is_told():
    rng = np.random.default_rng(0)
    mask = disk()
    assert np.array_equal(uneven(rng, mask, 10, 0), mask)
    assert jaccard(uneven(rng, mask, 10, 0, bias_px=3), cv2.dilate(mask, np.ones((7, 7)))) > 0.9
    assert jaccard(uneven(rng, mask, 10, 0, bias_px=-3), cv2.erode(mask, np.ones((7, 7)))) > 0.8


def test_polygons_keep_holes_and_their_tolerance():
    mask = disk()
    drawn = simplified(mask, 2)
    assert drawn[48, 60] == 0
    assert 0.9 < jaccard(drawn, mask) < 1
    assert not simplified(np.zeros(SIZE, np.uint8), 2).any()


def test_soft_scores_are_soft_and_near_the_truth():
    scores = soft(np.random.default_rng(3), disk())
    assert ((scores > 0.1) & (scores < 0.9)).sum() > 50
    assert jaccard(scores, disk()) > 0.5
    assert jaccard(low_resolution(disk(), 4), disk()) > 0.85


@pytest.mark.parametrize("mask", [disk(), np.zeros(SIZE, np.uint8), np.ones(SIZE, np.uint8)])
def test_every_kind_is_a_legal_score_map_and_repeatable(mask):
    for seed in range(40):
        coarse = draw_coarse(np.random.default_rng(seed), mask)
        assert coarse.shape == SIZE
        assert coarse.dtype == np.float32
        assert coarse.min() >= 0
        assert coarse.max() <= 1
        assert np.array_equal(coarse, draw_coarse(np.random.default_rng(seed), mask))
