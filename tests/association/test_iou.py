"""Identities by overlap, on hand-worked frames."""

import numpy as np
import pytest

from propago.association.iou import IouAssociator, IouSettings
from propago.detections import Detections
from propago.io.checkpoint import load_state, save_state


def boxes(*corners, classes=None, confidence=None):
    n = len(corners)
    return Detections(
        np.array(corners, float).reshape(n, 4),
        np.ones(n, int) if classes is None else np.array(classes),
        np.ones(n) if confidence is None else np.array(confidence),
    )


def followed(*frames, **settings):
    """The ids that each frame's detections get, by their left edge."""
    associator = IouAssociator(IouSettings(**settings))
    state, said = associator.begin(), []
    for found in frames:
        kept, state = associator.associate(state, found)
        said.append(dict(zip(kept.boxes_xyxy[:, 0].astype(int), kept.ids.tolist(), strict=True)))
    return said


def test_two_that_move_keep_their_ids_in_any_order():
    said = followed(boxes((0, 0, 10, 10), (50, 0, 60, 10)), boxes((53, 0, 63, 10), (2, 0, 12, 10)))
    assert said == [{0: 1, 50: 2}, {2: 1, 53: 2}]


def test_the_best_sum_is_assigned_not_the_best_pair():
    """Old at 0 and 4; new at 2 overlaps both, new at -3 only the first: greedy would lose one."""
    said = followed(boxes((3, 0, 13, 10), (7, 0, 17, 10)), boxes((5, 0, 15, 10), (0, 0, 10, 10)))
    assert said[1] == {5: 2, 0: 1}


def test_within_a_class_first_then_whatever_the_class():
    """Two of two classes at one place keep theirs; one alone that covers half is the same."""
    both = boxes((0, 0, 10, 10), (1, 0, 11, 10), classes=[3, 4])
    assert followed(both, both[::-1]) == [{0: 1, 1: 2}] * 2
    one, called_otherwise = boxes((0, 0, 10, 10), classes=[3]), [4]
    half = boxes((0, 0, 5, 10), classes=called_otherwise)
    less = boxes((0, 0, 4, 10), classes=called_otherwise)
    assert followed(one, half)[1] == {0: 1}
    assert followed(one, less)[1] == {0: 2}


def test_the_class_is_the_one_that_detections_were_surest_of():
    associator, state, said = IouAssociator(IouSettings(0.3)), None, []
    for class_id, confidence in ((3, 0.6), (4, 0.5), (4, 0.5)):
        found = boxes((0, 0, 10, 10), classes=[class_id], confidence=[confidence])
        tracked, state = associator.associate(state or associator.begin(), found)
        said.append((tracked.ids.tolist(), tracked.classes.tolist()))
    assert said == [([1], [3]), ([1], [3]), ([1], [4])]


@pytest.mark.parametrize(("away", "found_again"), [(2, True), (3, False)])
def test_one_that_was_away_is_found_again_in_time(away, found_again):
    frames = [boxes((0, 0, 10, 10)), *[boxes()] * away, boxes((1, 0, 11, 10))]
    assert followed(*frames, max_absent_frames=2)[-1] == {1: 1 if found_again else 2}


def test_doubtful_detections_go_on_with_an_instance_but_begin_none():
    doubtful = boxes((1, 0, 11, 10), (50, 0, 60, 10), confidence=[0.2, 0.2])
    assert followed(boxes((0, 0, 10, 10)), doubtful) == [{0: 1}, {1: 1}]


def test_motion_bridges_a_gap_that_overlap_alone_does_not():
    """It moves 4 px a frame and is hidden for three frames: 16 px on, of 10 it overlaps nothing."""
    moving = [boxes((4 * t, 0, 4 * t + 10, 10)) for t in range(6)]
    frames = [*moving, *[boxes()] * 3, boxes((36, 0, 46, 10))]
    assert followed(*frames)[-1] == {36: 1}
    assert followed(*frames, motion=False)[-1] == {36: 2}


def test_two_that_cross_keep_their_motion():
    """One goes right, one left; in the end each lies where the other began."""
    frames = [boxes((6 * t, 0, 6 * t + 20, 10), (60 - 6 * t, 0, 80 - 6 * t, 10)) for t in range(11)]
    assert followed(*frames)[-1] == {60: 1, 0: 2}


def test_doubtful_detections_take_what_confident_ones_leave():
    """The doubtful one lies on the instance, the confident one a little beside it."""
    second = boxes((0, 0, 10, 10), (2, 0, 12, 10), confidence=[0.3, 0.9])
    assert followed(boxes((0, 0, 10, 10)), second) == [{0: 1}, {0: 1, 2: 2}]
    assert followed(boxes((0, 0, 10, 10)), second, two_passes=True) == [{0: 1}, {2: 1}]


def test_masks_decide_where_boxes_cannot():
    """Two crossed diagonals have one box; each is known by its pixels."""
    diagonal = np.eye(20, dtype=bool)
    both = np.stack([diagonal, diagonal[::-1]])
    associator = IouAssociator()
    first, state = associator.associate(associator.begin(), Detections.of_masks(both))
    second, _ = associator.associate(state, Detections.of_masks(both[::-1]))
    assert first.ids.tolist() == [1, 2]
    assert second.ids.tolist() == [2, 1]


def test_the_state_is_a_value_that_a_checkpoint_holds(tmp_path):
    associator, found = IouAssociator(), boxes((0, 0, 10, 10), (50, 0, 60, 10))
    _, state = associator.associate(associator.begin(), found)
    save_state(tmp_path / "state", state)
    again = load_state(tmp_path / "state")
    for one in (state, again, state):
        kept, _ = associator.associate(one, found[::-1])
        assert kept.ids.tolist() == [2, 1]


def masked(*rectangles):
    """Detections with masks of x0, y0, x1, y1 in a picture of 100 x 200."""
    masks = np.zeros((len(rectangles), 100, 200), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, rectangles, strict=True):
        mask[y0:y1, x0:x1] = True
    return Detections.of_masks(masks)


WHOLE, LEFT, RIGHT = (40, 20, 80, 60), (30, 20, 55, 60), (65, 20, 90, 60)
DIVISION = {"divisions": True, "min_iou": 0.1, "motion": False}


def test_what_divides_ends_and_its_parts_are_new():
    frames = [masked(WHOLE), masked(LEFT, RIGHT), masked(RIGHT, LEFT)]
    assert followed(*frames, **DIVISION) == [{40: 1}, {30: 2, 65: 3}, {65: 3, 30: 2}]
    assert followed(*frames, **DIVISION | {"divisions": False})[1] in (
        {30: 1, 65: 2},
        {30: 2, 65: 1},
    )


@pytest.mark.parametrize(
    ("later", "ids"),
    [
        (masked(WHOLE, (80, 20, 100, 60)), {40: 1, 80: 2}),  # a neighbour enters
        (masked((40, 20, 74, 60), (74, 20, 80, 60)), {40: 1, 74: 2}),  # a crumb falls off
        (masked(LEFT), {30: 1}),  # half of it is seen
        (masked((40, 20, 50, 30), (60, 40, 70, 50)), {40: 2, 60: 3}),  # crumbs are left
    ],
)
def test_what_does_not_divide_stays(later, ids):
    assert followed(masked(WHOLE), later, **DIVISION)[1] == ids


def test_a_cell_that_shrinks_before_it_divides_has_divided():
    """Daughters are compared with its usual area, not with that of the frame before."""
    frames = [masked(WHOLE)] * 5 + [masked((45, 25, 75, 55)), masked(LEFT, RIGHT)]
    assert set(followed(*frames, **DIVISION)[-1].values()) == {2, 3}


def test_the_associator_for_cells_survives_a_checkpoint(tmp_path):
    associator = IouAssociator.for_cells()
    _, state = associator.associate(associator.begin(), masked(WHOLE))
    save_state(tmp_path / "state", state)
    kept, _ = associator.associate(load_state(tmp_path / "state"), masked(LEFT, RIGHT))
    assert kept.ids.tolist() == [2, 3]
