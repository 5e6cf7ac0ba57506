import pytest

from propago.nn.schedule import half_cosine, warm_up


def test_a_warm_up_by_hand():
    assert [warm_up(step, 4) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    assert warm_up(0, 0) == 1


def test_a_half_cosine_by_hand():
    shares = [half_cosine(spent) for spent in (0, 1 / 3, 0.5, 2 / 3, 1)]
    assert shares == pytest.approx([1, 0.75, 0.5, 0.25, 0])
