import numpy as np
import pytest

from propago.ops.click_mask import mask_from_clicks
from tiny_clip import tiny_clip

IMAGES, LABELS = tiny_clip(1, (120, 160), ids=(1, 2))
PICTURE, FIRST, SECOND = IMAGES[0], LABELS[0] == 1, LABELS[0] == 2


def middle(mask):
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def iou(found, true):
    return (found & true).sum() / (found | true).sum()


@pytest.mark.parametrize("true", [FIRST, SECOND])
def test_a_click_finds_what_it_lies_on(true):
    assert iou(mask_from_clicks(PICTURE, [middle(true)]), true) > 0.8


def test_the_same_clicks_give_the_same_mask():
    one, other = (mask_from_clicks(PICTURE, [middle(FIRST)]) for _ in range(2))
    assert (one == other).all()


def test_a_negative_click_takes_the_part_away_that_it_lies_in():
    both = FIRST | SECOND
    found = mask_from_clicks(PICTURE, [middle(FIRST)], [middle(SECOND)], both)
    x, y = (int(at) for at in middle(SECOND))
    assert not found[y, x]
    assert (found & FIRST).sum() == FIRST.sum()


def test_a_positive_click_adds_and_takes_nothing_away():
    found = mask_from_clicks(PICTURE, [middle(SECOND)], present=FIRST)
    x, y = (int(at) for at in middle(SECOND))
    assert found[y, x]
    assert (found & FIRST).sum() == FIRST.sum()


def test_clicks_in_the_corners_are_legal():
    for x, y in ((0, 0), (159.9, 0), (0, 119.9), (159.9, 119.9)):
        assert mask_from_clicks(PICTURE, [(x, y)])[int(y), int(x)]


def test_nothing_to_go_by_is_nothing_found():
    assert mask_from_clicks(PICTURE, [], [(3, 3)]) is None
    assert mask_from_clicks(PICTURE, [], [(3, 3)], np.zeros((120, 160), bool)) is None


def test_taking_all_away_leaves_nothing():
    tiny = np.zeros((120, 160), bool)
    tiny[50:52, 50:52] = True
    assert mask_from_clicks(PICTURE, [], [(51, 51)], tiny) is None
