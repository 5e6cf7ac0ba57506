import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from propago.ops.aggregate import constant_background, hard_max, joint_softmax, odds_ratio
from propago.types import SoftMasks

RULES = (hard_max, constant_background, odds_ratio, joint_softmax)


def pixels(*columns: tuple[float, ...], ids=None) -> SoftMasks:
    """Scores of an image one pixel high: one tuple of object probabilities a pixel."""
    probabilities = torch.tensor(columns).T.unsqueeze(1)
    return SoftMasks(ids or tuple(range(1, len(columns[0]) + 1)), probabilities)


def test_hard_max_keeps_the_winner_and_leaves_half_to_the_background():
    result = hard_max(pixels((0.9, 0.6), (0.3, 0.4), (0.5, 0.2), (0.51, 0.7), ids=(4, 2)))
    expected = [[0.9, 0.0, 0.5, 0.0], [0.0, 0.4, 0.0, 0.7]]
    assert torch.equal(result.probabilities[:, 0], torch.tensor(expected))
    assert result.labels().tolist() == [[4, 0, 0, 2]]


def test_constant_background_shares_the_pixel():
    result = constant_background(pixels((0.5, 0.25), (0.3, 0.1), (0.9, 0.95)))
    expected = [[0.5 / 1.25, 0.3 / 0.9, 0.9 / 2.35], [0.25 / 1.25, 0.1 / 0.9, 0.95 / 2.35]]
    assert torch.allclose(result.probabilities[:, 0], torch.tensor(expected))
    assert result.labels().tolist() == [[0, 0, 2]]
    assert constant_background(pixels((0.3, 0.1)), background=0.2).labels().tolist() == [[1]]


def test_odds_ratio_by_hand():
    # odds: .8 -> 4, .5 -> 1; nobody: .2 * .5 = .1 -> 1/9
    result = odds_ratio(pixels((0.8, 0.5)))
    total = 4 + 1 + 1 / 9
    assert result.probabilities.flatten().tolist() == pytest.approx([4 / total, 1 / total])


def test_odds_ratio_of_one_object_is_its_probability():
    alone = pixels((0.2,), (0.5,), (0.9,))
    assert torch.allclose(odds_ratio(alone).probabilities, alone.probabilities)
    assert odds_ratio(alone).labels().tolist() == [[0, 0, 1]]


def test_joint_softmax_prefers_logits_to_probabilities():
    logits = torch.tensor([1.0, 3.0, 2.0]).view(3, 1, 1)
    result = joint_softmax(SoftMasks((7, 9), torch.zeros(2, 1, 1), logits))
    whole = math.exp(1) + math.exp(3) + math.exp(2)
    expected = [math.exp(3) / whole, math.exp(2) / whole]
    assert result.probabilities.flatten().tolist() == pytest.approx(expected)
    assert result.labels().tolist() == [[7]]


def test_joint_softmax_of_probabilities_gives_the_background_log_odds_zero():
    # odds 4 and 1 beside the background's 1
    result = joint_softmax(pixels((0.8, 0.5)))
    assert result.probabilities.flatten().tolist() == pytest.approx([4 / 6, 1 / 6])


@pytest.mark.parametrize("rule", RULES)
def test_no_object_stays_no_object(rule):
    result = rule(SoftMasks.none((3, 5)))
    assert result.ids == ()
    assert result.labels().shape == (3, 5)


@pytest.mark.parametrize("rule", RULES)
def test_a_given_mask_survives_every_rule(rule):
    mask = torch.zeros(2, 4, 6)
    mask[0, :2], mask[1, 2:, 3:] = 1.0, 1.0
    result = rule(SoftMasks((1, 5), mask))
    expected = np.zeros((4, 6), np.uint8)
    expected[:2], expected[2:, 3:] = 1, 5
    assert np.array_equal(result.labels(), expected)


@pytest.mark.parametrize("rule", RULES)
@given(values=st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_results_are_legal_and_independent_of_the_order_of_objects(rule, values):
    scores = pixels(tuple(values))
    result = rule(scores)
    assert result.logits is not None
    assert result.logits.shape == (4, 1, 1)
    assert torch.isfinite(result.logits).all()
    assert bool(((result.probabilities >= 0) & (result.probabilities <= 1)).all())
    if len(set(values)) == 3:
        turned = rule(SoftMasks((3, 2, 1), scores.probabilities.flip(0)))
        assert torch.allclose(turned.probabilities.flip(0), result.probabilities, atol=1e-6)


@pytest.mark.parametrize("rule", [constant_background, odds_ratio, joint_softmax])
@given(values=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2))
@settings(max_examples=40, deadline=None)
def test_objects_and_background_share_one(rule, values):
    result = rule(pixels(tuple(values)))
    assert result.logits is not None
    whole = result.logits.softmax(0)
    assert torch.allclose(whole[1:], result.probabilities, atol=1e-4)
