"""Where a person would click next."""

import numpy as np
import pytest

from propago.ops.clicks import next_click

TRUTH = np.zeros((40, 60), np.uint8)
TRUTH[10:31, 10:31] = 1
NOTHING = np.zeros(TRUTH.shape, bool)


def test_the_first_click_is_in_the_middle_of_the_object():
    assert next_click(NOTHING, TRUTH) == (20.5, 20.5, True)


def test_it_goes_where_most_is_wrong():
    mask = TRUTH == 1
    mask[12:15, 12:15] = False
    mask[5:12, 40:47] = True
    assert next_click(mask, TRUTH) == (43.5, 8.5, False)
    mask[12:25, 12:25] = False
    assert next_click(mask, TRUTH) == (18.5, 18.5, True)


def test_of_the_parts_of_an_error_the_largest_counts():
    truth = TRUTH.copy()
    truth[2:6, 50:55] = 1
    assert next_click(NOTHING, truth)[:2] == (20.5, 20.5)


def test_nothing_is_wrong_where_nobody_knows():
    mask = TRUTH == 1
    mask[:, 45:] = True
    truth = TRUTH.copy()
    truth[:, 45:] = 255
    assert next_click(mask, truth) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_random_click_is_well_inside(seed):
    click = next_click(NOTHING, TRUTH, np.random.default_rng(seed))
    assert click.positive
    assert 13 <= click.x <= 28
    assert 13 <= click.y <= 28
