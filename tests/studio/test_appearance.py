"""Looks of objects: two that changed places are found, two that did not are not."""

import numpy as np
import pytest

from propago.studio.appearance import Seen, likely_swaps, seen, unlikeness

RED, BLUE = np.eye(64, dtype=np.float32)[[48, 3]]
MIDDLE = (RED + BLUE) / 2


def look(one, other, *, touch=False):
    return Seen({1: one, 2: other}, frozenset([(1, 2)] if touch else []))


def meeting(*behind):
    """Red object 1 and blue object 2 are apart, meet in frames 4 to 6, and are as said behind."""
    frames = [look(RED, BLUE)] * 4 + [look(MIDDLE, MIDDLE, touch=True)] * 3 + list(behind)
    return dict(enumerate(frames))


def test_the_colours_of_a_region_are_its_histogram():
    rgb = np.zeros((20, 30, 3), np.uint8)
    rgb[:10] = (255, 0, 0)
    rgb[10:] = (0, 0, 255)
    labels = np.zeros((20, 30), np.uint8)
    labels[5:15, 2:12] = 7
    labels[0, 0] = 3
    colours = seen(rgb, labels).colours
    assert list(colours) == [7]
    np.testing.assert_allclose(colours[7], MIDDLE)


def test_how_unlike_two_are_lies_between_the_same_and_nothing_in_common():
    assert unlikeness(RED, RED) == 0
    assert unlikeness(RED, BLUE) == 1
    assert unlikeness(RED, MIDDLE) == pytest.approx(np.sqrt(1 - np.sqrt(0.5)))


@pytest.mark.parametrize(("gap", "touch"), [(0, True), (3, True), (12, False)])
def test_regions_a_few_pixels_apart_touch(gap, touch):
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 5:20] = 2
    labels[10:30, 20 + gap : 36 + gap] = 1
    rgb = np.zeros((40, 60, 3), np.uint8)
    assert seen(rgb, labels).touching == ({(1, 2)} if touch else set())
    assert seen(rgb.swapaxes(0, 1), labels.T).touching == ({(1, 2)} if touch else set())


def test_two_that_look_like_each_other_behind_a_meeting_have_changed_places():
    (swap,) = likely_swaps(meeting(*[look(BLUE, RED)] * 5))
    assert (swap.index, swap.one, swap.other, swap.crossed) == (7, 1, 2, 0)


@pytest.mark.parametrize("kept", [look(RED, BLUE), look(MIDDLE, BLUE), look(MIDDLE, MIDDLE)])
def test_two_that_stay_what_they_were_have_not(kept):
    assert likely_swaps(meeting(*[kept] * 8)) == []


def test_two_that_never_met_are_not_compared():
    assert likely_swaps(dict(enumerate([look(RED, BLUE)] * 5 + [look(BLUE, RED)] * 5))) == []


def test_a_hidden_one_is_waited_for_and_changing_back_is_a_swap_again():
    hidden, met = Seen({2: RED}, frozenset()), look(MIDDLE, MIDDLE, touch=True)
    frames = meeting(hidden, hidden, *[look(BLUE, RED)] * 2, met, *[look(RED, BLUE)] * 5)
    assert [swap.index for swap in likely_swaps(frames)] == [9, 12]


def test_a_meeting_at_the_beginning_says_nothing():
    frames = [look(MIDDLE, MIDDLE, touch=True)] * 2 + [look(BLUE, RED)] * 8
    assert likely_swaps(dict(enumerate(frames))) == []
