import pytest
import torch

from propago.ops.resize import enlargement, resize, scaled_size


@pytest.mark.parametrize(
    ("size", "factor"),
    [((50, 50), 2.0), ((100, 100), 1.92), ((96, 384), 1.0), ((480, 854), 1.0), ((0, 3), 2.0)],
)
def test_small_crops_are_enlarged_to_an_area_but_not_more_than_twice(size, factor):
    assert enlargement(size, 192) == pytest.approx(factor)
    assert enlargement(size, 0) == 1


def test_a_size_is_scaled_down_by_its_short_side_and_never_up():
    assert scaled_size((480, 854), 240) == (240, 427)
    assert scaled_size((854, 480), 240) == (427, 240)
    assert scaled_size((100, 200), 240) == (100, 200)


def test_resizing_averages_down():
    x = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])
    assert resize(x, (1, 1)).item() == pytest.approx(0.5)
    assert resize(x, (2, 2)) is x
