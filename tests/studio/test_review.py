from propago.studio.appearance import Swap
from propago.studio.review import Look, worth_a_look

STEADY = {t: {1: (100, 0.9)} for t in range(12)}


def test_a_steady_object_needs_no_look():
    assert worth_a_look(STEADY) == []


def test_lost_comes_before_a_jump_and_a_jump_before_doubt():
    figures = {t: {1: (100, 0.9), 2: (100, 0.9), 3: (100, 0.9)} for t in range(12)}
    figures[4][1] = (25, 0.9)
    figures[7][2] = (0, 0.0)
    figures[9][3] = (100, 0.3)
    worst = [(look.index, look.object, look.reason) for look in worth_a_look(figures)]
    assert worst[0] == (7, 2, "lost")
    assert (4, 1, "jump") in worst
    assert worst[-1] == (9, 3, "unsure")


def test_how_bad_is_worked_out_by_hand():
    figures = STEADY | {4: {1: (25, 0.9)}, 5: {1: (25, 0.9)}}
    # 100 -> 25 changes by 75 of 100: a half, and half of 0.75. Frame 6 does so again: too near.
    assert worth_a_look(figures) == [Look(4, 1, "jump", 0.875)]
    doubt = STEADY | {4: {1: (100, 0.3)}}
    # 0.3 lacks 0.3 to 0.6, which is half of it; halved.
    assert worth_a_look(doubt) == [Look(4, 1, "unsure", 0.25)]


def test_an_object_that_stays_away_is_lost_once():
    figures = {t: {1: (0 if t >= 3 else 100, 0.9)} for t in range(12)}
    assert worth_a_look(figures) == [Look(3, 1, "lost", 1.0)]


def test_frames_that_were_drawn_need_no_look():
    figures = STEADY | {4: {1: (25, 0.9)}, 5: {1: (25, 0.9)}}
    assert [look.index for look in worth_a_look(figures, {4})] == [6]


def test_of_neighbours_the_worst_is_named():
    figures = STEADY | {4: {1: (100, 0.5)}, 6: {1: (100, 0.1)}, 8: {1: (100, 0.4)}}
    assert [look.index for look in worth_a_look(figures)] == [6]


def test_a_swap_is_named_with_both_and_comes_before_strange_looks():
    figures = {t: {1: (100, 0.9), 2: (100, 0.9)} for t in range(12)}
    looks = worth_a_look(figures, (), [Swap(4, 1, 2, 0.2)], {(9, 2): 0.9, (3, 1): 0.3})
    assert [(look.index, look.object, look.reason, look.other) for look in looks] == [
        (4, 1, "swap", 2),
        (9, 2, "unlike", None),
    ]
    assert worth_a_look(figures, (4, 9), [Swap(4, 1, 2, 0.2)], {(9, 2): 0.9}) == []
