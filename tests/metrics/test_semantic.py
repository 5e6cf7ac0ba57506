import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from propago.errors import MaskError, ShapeError, UsageError
from propago.metrics.confusion import joint_counts
from propago.metrics.inputs import ClassMaps
from propago.metrics.semantic import MeanIou, confusion_matrix, score_of_confusion

MAPS = hnp.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, 3, 255]))


def measured(*pairs):
    metric = MeanIou()
    for pair in pairs:
        metric.update(ClassMaps(*pair))
    return metric


def test_a_hand_worked_case():
    gt = np.array([[0, 0, 1, 1, 255]], np.uint8)
    prediction = np.array([[0, 1, 1, 1, 2]], np.uint8)
    metric = measured((gt, prediction))
    assert metric.parts() == {0: {"IoU": 1 / 2}, 1: {"IoU": 2 / 3}}
    assert metric.compute() == pytest.approx(
        {
            "mIoU": (1 / 2 + 2 / 3) / 2,
            "pixel_accuracy": 3 / 4,
            "mean_accuracy": (1 / 2 + 1) / 2,
        }
    )


def test_one_matrix_over_the_set_not_a_mean_of_pictures():
    a, b = np.array([[0]], np.uint8), np.array([[1, 1, 1]], np.uint8)
    metric = measured((a, np.array([[1]], np.uint8)), (b, b))
    assert metric.parts() == {0: {"IoU": 0.0}, 1: {"IoU": 3 / 4}}


@settings(max_examples=40, deadline=None)
@given(MAPS, MAPS.map(lambda labels: np.where(labels == 255, 0, labels)))
def test_confusion_equals_counting(gt, prediction):
    matrix = confusion_matrix(gt, prediction, 4)
    for r in range(4):
        for c in range(4):
            assert matrix[r, c] == ((gt == r) & (prediction == c)).sum()


@settings(max_examples=40, deadline=None)
@given(MAPS, MAPS)
def test_joint_counts_equal_counting_at_any_width(a, b):
    for dtype in (np.uint8, np.uint16, np.int64):
        pairs = joint_counts(a.astype(dtype), b)
        counted = {(r, c): n for r, c, n in zip(*map(np.ndarray.tolist, pairs), strict=True)}
        assert len(counted) == len(pairs[0])
        assert sum(counted.values()) == a.size
        assert all(n == ((a == r) & (b == c)).sum() for (r, c), n in counted.items())


def test_nothing_is_counted_in_an_empty_map():
    assert not confusion_matrix(np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.uint8), 2).any()


def test_what_cannot_be_scored_is_refused():
    labels = np.array([[0, 5]], np.uint8)
    with pytest.raises(MaskError, match="prediction holds label 5; 3 classes are 0 to 2"):
        confusion_matrix(np.zeros_like(labels), labels, 3)
    with pytest.raises(MaskError, match="prediction holds label 255"):
        confusion_matrix(np.zeros_like(labels), labels | 255, 3)
    with pytest.raises(MaskError, match="float64"):
        confusion_matrix(np.zeros((1, 2)), labels, 9)
    with pytest.raises(MaskError, match="labels -1 to 0"):
        confusion_matrix(np.array([[-1, 0]]), labels, 9)
    with pytest.raises(ShapeError, match=r"\(1, 2\).*\(2, 1\)"):
        confusion_matrix(labels, labels.T, 9)
    with pytest.raises(UsageError, match="1 to 255"):
        confusion_matrix(labels, labels, 256)
    with pytest.raises(UsageError, match="no pixel was counted"):
        measured().compute()
    with pytest.raises(UsageError, match="no pixel was counted"):
        score_of_confusion(np.zeros((2, 2), np.int64))
