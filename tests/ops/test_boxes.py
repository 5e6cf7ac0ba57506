import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from propago.ops.boxes import clipped, decoded, encoded, nms, pairwise_ious
from propago.ops.overlap import box_ious


def drawn(count, seed=0, side=40):
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=generator) * side
    return torch.cat([low, low + 1 + torch.rand(count, 2, generator=generator) * side], 1)


def greedy(boxes, scores, max_iou):
    """The rule as it is told: the best is kept, what it overlaps goes, and again."""
    left, kept = sorted(range(len(boxes)), key=lambda n: -scores[n].item()), []
    while left:
        best, *left = left
        kept.append(best)
        ious = box_ious(boxes[[best]].double().numpy(), boxes[left].double().numpy())[0]
        left = [n for n, iou in zip(left, ious, strict=True) if iou <= max_iou]
    return kept


def test_overlap_agrees_with_the_arrays_and_empty_boxes_have_none():
    a, b = drawn(7), torch.cat([drawn(5, 1), torch.tensor([[3.0, 3, 3, 9], [9, 9, 2, 2]])])
    assert np.allclose(pairwise_ious(a, b), box_ious(a.numpy(), b.numpy()), atol=1e-6)
    assert pairwise_ious(b[5:], b[5:]).tolist() == [[0, 0], [0, 0]]
    assert pairwise_ious(a[:0], b).shape == (0, 7)


def test_offsets_by_hand():
    anchor, box = torch.tensor([[0.0, 0, 10, 20]]), torch.tensor([[5.0, 0, 25, 20]])
    assert torch.allclose(encoded(box, anchor), torch.tensor([[1.0, 0, math.log(2), 0]]))
    weighted = encoded(box, anchor, (10, 10, 5, 5))
    assert torch.allclose(weighted, torch.tensor([[10.0, 0, 5 * math.log(2), 0]]))


@given(st.integers(0, 99))
def test_decoding_takes_offsets_back(seed):
    boxes, anchors, weights = drawn(6, seed), drawn(6, seed + 1000), (10, 10, 5, 5)
    again = decoded(encoded(boxes, anchors, weights), anchors, weights)
    assert torch.allclose(again, boxes, atol=1e-3)


def test_growth_is_limited_and_boxes_are_clipped():
    huge = decoded(torch.tensor([[0.0, 0, 99, 99]]), torch.tensor([[0.0, 0, 16, 16]]))
    assert torch.allclose(huge, torch.tensor([[-492.0, -492, 508, 508]]), atol=1e-2)
    assert clipped(huge, (30, 50)).tolist() == [[0, 0, 50, 30]]


@pytest.mark.parametrize("max_iou", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("count", [0, 1, 60])
def test_suppression_is_the_greedy_rule(count, max_iou):
    for seed in range(5):
        boxes, scores = drawn(count, seed), torch.rand(count).mul(9).round()
        assert nms(boxes, scores, max_iou).tolist() == greedy(boxes, scores, max_iou)


def test_a_suppressed_box_suppresses_nothing():
    """The second falls to the first; the third, which only the second overlaps, stays."""
    boxes = torch.tensor([[0.0, 0, 10, 1], [4, 0, 14, 1], [8, 0, 18, 1]])
    assert nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.3).tolist() == [0, 2]


def test_groups_do_not_meet():
    boxes, scores, groups = drawn(50), torch.rand(50), torch.arange(50) % 3
    kept = nms(boxes, scores, 0.4, groups)
    assert scores[kept].tolist() == sorted(scores[kept].tolist(), reverse=True)
    for group in range(3):
        own = (groups == group).nonzero()[:, 0]
        wanted = own[greedy(boxes[own], scores[own], 0.4)]
        assert kept[groups[kept] == group].tolist() == wanted.tolist()
