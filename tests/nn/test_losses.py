import math

import pytest
import torch

from propago.nn.losses import competing_log_probabilities, cross_entropy, soft_jaccard


def test_two_objects_and_background_by_hand():
    logits = torch.tensor([[[0.0]], [[math.log(2.0)]]])
    p = competing_log_probabilities(logits).exp()[:, 0, 0]
    assert p.tolist() == pytest.approx([0.25, 0.25, 0.5])


def test_hardest_pixels_count_again_and_void_counts_nothing():
    log_p = torch.log(torch.tensor([[[0.5, 0.9, 0.8, 0.1]], [[0.5, 0.1, 0.2, 0.9]]]))
    labels = torch.tensor([[1, 0, 0, 255]])
    losses = [-math.log(0.5), -math.log(0.9), -math.log(0.8)]
    expected = (sum(losses) / 3 + losses[0]) / 2
    assert cross_entropy(log_p, labels, 0.25).item() == pytest.approx(expected, rel=1e-5)


def test_all_void_is_zero_not_nan():
    log_p = torch.zeros(2, 2, 2).log_softmax(0)
    assert cross_entropy(log_p, torch.full((2, 2), 255), 0.5) == 0


def test_jaccard_of_hard_masks_is_one_minus_iou_but_for_the_constant():
    a = torch.zeros(1, 10, 10)
    b = torch.zeros(1, 10, 10)
    a[:, :, :6] = 1
    b[:, :, 3:] = 1
    known = torch.ones(10, 10)
    assert soft_jaccard(a, b, known).item() == pytest.approx(1 - 31 / 101)
    assert soft_jaccard(a, a, known).item() == pytest.approx(0)
    known[:, :3] = 0
    assert soft_jaccard(a, b, known).item() == pytest.approx(1 - 31 / 71)
