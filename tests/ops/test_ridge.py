import pytest
import torch

from propago.ops.ridge import RIDGE, Examples, examples


def of(features, share, weight=None):
    share = torch.tensor(share)
    weight = torch.ones_like(share) if weight is None else torch.tensor(weight)
    return examples(torch.tensor(features), share, weight)


def test_two_classes_worked_by_hand():
    # features (x, 1): the first class at x = 1, the second at x = -1
    known = of([[1.0, 1.0, -1.0], [1.0, 1.0, 1.0]], [1.0, 1.0, 0.0])
    torch.testing.assert_close(known.gram, torch.tensor([[[2.0, 0.0], [0.0, 2.0]]]))
    torch.testing.assert_close(known.moment, torch.tensor([[2.0, 0.0]]))
    torch.testing.assert_close(known.coefficients, torch.tensor([[2 / (2 + RIDGE), 0.0]]))
    torch.testing.assert_close(known.separation, torch.tensor([4 / (2 + RIDGE)]))


def test_separation_is_the_difference_of_the_mean_scores():
    features, share = torch.rand(5, 40), torch.rand(40).round()
    known = examples(features, share, torch.ones(40))
    scores = known.coefficients[0] @ features
    apart = scores[share == 1].mean() - scores[share == 0].mean()
    torch.testing.assert_close(known.separation[0], apart, atol=1e-4, rtol=1e-4)


def test_how_many_examples_a_class_has_does_not_count():
    few = of([[1.0, -1.0, 0.5], [1.0, 1.0, 1.0]], [1.0, 0.0, 0.0])
    many = of([[1.0, 1.0, 1.0, -1.0, 0.5], [1.0] * 5], [1.0, 1.0, 1.0, 0.0, 0.0])
    torch.testing.assert_close(few.coefficients, many.coefficients)


def test_the_same_examples_twice_are_as_separate_as_once():
    known = examples(10 * torch.rand(4, 30), torch.rand(30).round(), torch.rand(30))
    twice = known + known
    assert twice.weight == 2
    torch.testing.assert_close(twice.separation, known.separation, atol=0.05, rtol=0)


@pytest.mark.parametrize("share", [[1.0, 1.0], [0.0, 0.0]])
def test_one_class_alone_says_nothing(share):
    known = of([[1.0, -1.0]], share)
    assert not known.coefficients.any()
    assert not known.separation.any()


def test_what_does_not_count_is_not_seen():
    part = of([[1.0, -1.0], [1.0, 1.0]], [1.0, 0.0])
    whole = of([[1.0, -1.0, 9.0], [1.0, 1.0, 1.0]], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0])
    torch.testing.assert_close(part.coefficients, whole.coefficients)


def test_rows_follow_their_names_and_new_ones_know_nothing():
    first, second = (examples(torch.rand(3, 20), torch.rand(20), torch.ones(20)) for _ in "ab")
    both = Examples.of_all([first, second])
    moved = both.reordered((7, 9), (9, 4, 7))
    torch.testing.assert_close(moved.coefficients[0], second.coefficients[0])
    torch.testing.assert_close(moved.coefficients[2], first.coefficients[0])
    assert not moved.coefficients[1].any()
    assert not moved.weight[1]
    assert both.reordered((7, 9), ()).gram.shape == (0, 3, 3)
