import pytest
import torch

from propago.ops.resize import bilinear, enlargement, padded, resize, scaled_size


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


def test_features_are_interpolated_between_the_centres_of_pixels():
    x = torch.tensor([[[[0.0, 1.0]]]])
    assert bilinear(x, (1, 4)).flatten().tolist() == [0, 0.25, 0.75, 1]
    assert bilinear(x, (1, 2)) is x


def test_the_last_row_and_column_are_repeated_up_to_a_multiple():
    x = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    assert padded(x, 2)[0, 0].tolist() == [[1, 2, 3, 3], [1, 2, 3, 3]]
    assert padded(x, 1).shape == x.shape
