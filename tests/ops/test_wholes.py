"""Rectangles that meet and part again: each region goes to one object, by where it was going."""

import numpy as np
import pytest

from propago.io.checkpoint import load_state, save_state
from propago.ops.wholes import Courses, reassigned, seen

SIZE = (60, 200)


def drawn(*rectangles):
    """Labels with rectangles (id, x, width), 20 pixels high; later ones lie in front."""
    labels = np.zeros(SIZE, np.int32)
    for i, x, width in rectangles:
        labels[20:40, max(x, 0) : x + width] = i
    return labels


def approaching(way=1, frames=8, ids=(1, 2)):
    """Two squares that approach one another by 4 pixels a frame each, the first from the left."""
    left, right = ids[::way]
    known = Courses()
    for t in range(frames):
        known = seen(known, drawn((left, 40 + 4 * t, 20), (right, 120 - 4 * t, 20)), ids)
    return known


def restored(known, labels):
    """`labels` with what is reassigned."""
    labels = labels.copy()
    for region, to, other in reassigned(known, labels):
        labels[region & (labels == other)] = to
    return labels


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("taker", [1, 2])
def test_who_has_taken_both_gives_one_back_by_where_each_was_going(way, taker):
    known = approaching(way)
    for x in range(72, 88, 4):  # one behind the other: only the taker is seen
        known = seen(known, drawn((taker, x, 20)), (1, 2))
    parted = drawn((taker, 50, 20), (taker, 110, 20))
    first, second = (2, 1) if way == 1 else (1, 2)  # they have passed one another
    np.testing.assert_array_equal(
        restored(known, parted), drawn((first, 50, 20), (second, 110, 20))
    )


def test_scraps_of_the_lost_one_go_with_the_region():
    known = approaching()
    for _ in range(6):
        known = seen(known, drawn((2, 70, 24)), (1, 2))
    parted = drawn((2, 50, 20), (2, 110, 20), (1, 112, 3))
    np.testing.assert_array_equal(restored(known, parted), drawn((2, 50, 20), (1, 110, 20)))


def test_one_object_in_two_parts_behind_a_pole_stays_one():
    """The other has gone behind it; together the parts have its size alone."""
    known = approaching()
    known = seen(known, drawn((2, 76, 20)), (1, 2))
    assert known.met == ((1, 2),)
    assert reassigned(known, drawn((2, 74, 10), (2, 90, 10))) == []


def test_a_large_one_that_breaks_in_two_does_not_become_the_small_one_that_is_lost():
    ids, known = (1, 2), Courses()
    for t in range(8):
        known = seen(known, drawn((1, 40 + 4 * t, 60), (2, 140 - 2 * t, 6)), ids)
    known = seen(known, drawn((1, 74, 60)), ids)
    assert known.met
    assert reassigned(known, drawn((1, 74, 50), (1, 130, 10))) == []


def test_what_is_left_of_one_in_the_region_of_another_is_cleared():
    known = approaching()
    known = seen(known, drawn((1, 70, 20), (2, 88, 20)), (1, 2))
    apart = drawn((1, 60, 20), (2, 110, 20), (1, 114, 6))
    np.testing.assert_array_equal(restored(known, apart), drawn((1, 60, 20), (2, 110, 20)))


def test_what_is_hidden_in_part_by_another_and_a_pole_stays_as_it_is():
    """The front one touches half of the other, whose rest shows beyond the pole."""
    known = approaching()
    known = seen(known, drawn((1, 70, 20), (2, 90, 20)), (1, 2))
    behind = drawn((2, 70, 30), (1, 70, 20), (2, 104, 8))
    np.testing.assert_array_equal(restored(known, behind), behind)


def test_those_that_never_met_are_left_alone():
    known = Courses()
    for t in range(5):
        known = seen(known, drawn((1, 20 + t, 20), (2, 150 - t, 20)), (1, 2))
    assert not known.met
    assert reassigned(known, drawn((1, 30, 20), (1, 100, 20))) == []


def test_told_apart_they_have_courses_of_their_own_again():
    known = approaching()
    known = seen(known, drawn((1, 72, 20), (2, 90, 20)), (1, 2))
    assert known.met == ((1, 2),)
    known = seen(known, drawn((1, 60, 20), (2, 100, 20)), (1, 2))
    assert not known.met
    assert known.of[1].centre == pytest.approx((29.5, 69.5))


def test_an_object_that_has_ended_is_forgotten():
    known = approaching()
    known = seen(known, drawn((1, 72, 20), (2, 90, 20)), (1, 2))
    known = seen(known, drawn((1, 72, 20)), (1,))
    assert set(known.of) == {1}
    assert not known.met
    assert reassigned(known, drawn((1, 72, 20))) == []


def test_nothing_at_all():
    known = seen(Courses(), drawn(), (1, 2))
    assert not known.of
    assert reassigned(known, drawn()) == []


def test_what_is_known_is_a_value_that_can_be_saved(tmp_path):
    known = approaching()
    save_state(tmp_path / "known", known)
    assert load_state(tmp_path / "known") == known
