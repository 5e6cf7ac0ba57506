"""Identities as MaskTrack R-CNN gives them: cases of the paper, and what two claims come to."""

import numpy as np
import pytest

from propago.association.masktrack import MaskTrackAssociator, MaskTrackSettings
from propago.detections import Detections
from propago.errors import UsageError
from propago.io.checkpoint import load_state, save_state

A, B, C = np.eye(3) * 6
"""Embeddings: the inner product with itself is 36, with another 0."""


def found(embeddings, boxes=None, classes=None, confidence=None):
    n = len(embeddings)
    boxes = [[20 * k, 0, 20 * k + 10, 10] for k in range(n)] if boxes is None else boxes
    return Detections(
        np.array(boxes, np.float64).reshape(n, 4),
        np.array([1] * n if classes is None else classes),
        np.array([0.9] * n if confidence is None else confidence, np.float64),
        embeddings=np.array(embeddings, np.float32).reshape(n, 3),
    )


def run(*frames, settings=None):
    """The ids of each frame, by the rows that have one."""
    associator = MaskTrackAssociator(settings)
    state, ids = associator.begin(), []
    for frame in frames:
        tracked, state = associator.associate(state, frame)
        ids.append(tracked.ids.tolist())
    return ids


def test_in_the_first_frame_all_is_new_and_an_equal_second_one_keeps_the_ids():
    assert run(found([A, B]), found([A, B])) == [[1, 2], [1, 2]]


def test_the_embedding_decides_wherever_an_instance_went():
    far = [[500, 500, 510, 510], [0, 0, 10, 10]]
    assert run(found([A, B]), found([B, A], far)) == [[1, 2], [2, 1]]


def test_what_is_like_nothing_known_is_new():
    assert run(found([A]), found([C * -1], [[90, 90, 99, 99]])) == [[1], [2]]


def test_another_class_costs_ten():
    """log p is 0 of the known one and -36 of a new one; the class takes 10 of it."""
    near = found([A * 0.4], classes=[1])
    assert run(near, near) == [[1], [1]]
    other = found([A * 0.4], classes=[2])
    assert run(near, other) == [[1], [2]]
    assert run(near, other, settings=MaskTrackSettings(same_class=1.0)) == [[1], [1]]


def test_scores_are_the_equations():
    associator = MaskTrackAssociator()
    _, state = associator.associate(associator.begin(), found([A, B], classes=[1, 2]))
    scores = associator.scores(state.memory, found([A / 36], [[5, 0, 15, 10]], [1], [0.5]))
    exponentials = np.exp([0, 1, 0])
    wanted = np.log(exponentials / exponentials.sum()) + np.log(0.5)
    wanted += np.array([10, 2 / 3 + 10, 0])
    assert scores[0] == pytest.approx(wanted)


def test_of_two_that_claim_one_identity_the_better_has_it_and_the_other_is_dropped():
    for order in ([0.5, 0.9], [0.9, 0.5]):
        associator = MaskTrackAssociator()
        _, state = associator.associate(associator.begin(), found([A]))
        twice = found([A, A], [[0, 0, 10, 10], [0, 0, 10, 10]], confidence=order)
        tracked, _ = associator.associate(state, twice)
        assert tracked.ids.tolist() == [1]
        assert tracked.confidence.tolist() == [0.9]


def test_the_order_of_detections_decides_nothing():
    first, second = found([A, B, C]), found([C, A, B])
    associator = MaskTrackAssociator()
    _, state = associator.associate(associator.begin(), first)
    one, _ = associator.associate(state, second)
    other, _ = associator.associate(state, second[[2, 0, 1]])
    by_embedding = [
        {tuple(e): i for e, i in zip(t.embeddings.tolist(), t.ids.tolist(), strict=True)}
        for t in (one, other)
    ]
    assert by_embedding[0] == by_embedding[1]


def test_an_instance_that_is_away_is_remembered_for_a_while():
    settings = MaskTrackSettings(max_absent_frames=2)
    nothing = found([])
    away = [found([A]), nothing, nothing, found([A])]
    assert run(*away, settings=settings)[-1] == [1]
    assert run(found([A]), nothing, *away[1:], settings=settings)[-1] == [2]


def test_the_memory_is_of_the_latest_sighting_but_for_the_class():
    associator = MaskTrackAssociator()
    _, state = associator.associate(associator.begin(), found([A], classes=[1]))
    _, state = associator.associate(state, found([A + B / 6], [[9, 9, 12, 12]], classes=[2]))
    (one,) = state.memory
    assert (one.id, one.class_id, one.box_xyxy) == (1, 1, (9, 9, 12, 12))
    assert one.embedding == pytest.approx([6, 1, 0])


def test_begin_forgets_and_the_state_is_a_value(tmp_path):
    associator = MaskTrackAssociator()
    _, state = associator.associate(associator.begin(), found([A]))
    assert run(found([A])) == [[1]]
    save_state(tmp_path / "state", state)
    assert load_state(tmp_path / "state") == state


def test_detections_without_embeddings_are_refused():
    plain = Detections(np.array([[0.0, 0, 5, 5]]), np.array([1]), np.array([0.9]))
    associator = MaskTrackAssociator()
    with pytest.raises(UsageError, match="take the detector masktrack_rcnn, or the associator iou"):
        associator.associate(associator.begin(), plain)
    none, _ = associator.associate(associator.begin(), plain[:0])
    assert len(none) == 0
