import numpy as np
import pytest
import torch

from propago.errors import MaskError, ShapeError
from propago.finetune.annotated import AnnotatedFrame, annotated_frame
from propago.types import Annotation


def annotated(labels, predicted=None, size=None):
    """The frame with nothing else predicted, at its own size."""
    image = torch.zeros(3, *(size or labels.shape))
    return annotated_frame(image, Annotation(labels), labels if predicted is None else predicted)


def test_rows_count_the_objects_that_are_asked_for():
    frame = annotated(np.array([[0, 255, 7], [9, 7, 3]], np.uint8), np.zeros((2, 3), np.uint8))
    assert frame.ids == (3, 7, 9)
    assert frame.rows((9, 7)).tolist() == [[0, 255, 2], [1, 2, 0]]


def test_in_uint16_255_is_an_object_and_not_void():
    frame = annotated(np.array([[0, 255, 300]], np.uint16))
    assert frame.ids == (255, 300)
    assert frame.rows((300, 255)).tolist() == [[0, 2, 1]]
    assert frame.rows((300,)).dtype == np.uint8


def test_more_objects_than_uint8_can_name_are_refused():
    with pytest.raises(MaskError, match="254"):
        annotated(np.ones((1, 1), np.uint16)).rows(range(1, 256))


def test_labels_come_to_the_size_of_the_image_without_new_ids():
    labels = np.zeros((4, 6), np.uint8)
    labels[:, 3:], labels[2:, 3:] = 9, 200
    assert annotated(labels, size=(2, 3)).labels.tolist() == [[0, 9, 9], [0, 200, 200]]
    assert np.array_equal(annotated(labels, size=(8, 12)).labels[::2, ::2], labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_where_another_object_is_predicted_than_said_nobody_knows(dtype):
    said, predicted = np.array([[0, 7, 0]], dtype), np.array([[1, 7, 0]], np.uint8)
    frame = annotated(said, predicted)
    assert frame.void.tolist() == [[True, False, False]]
    assert frame.rows((1, 7)).tolist() == [[255, 2, 0]]
    assert frame.labels.dtype == dtype


@pytest.mark.parametrize("around", [0, 1, 255])
def test_an_object_of_one_pixel_is_not_lost_at_a_quarter_of_the_size(around):
    labels = np.full((40, 60), around, np.uint8)
    labels[9, 22] = 3
    frame = annotated(labels, size=(10, 15))
    assert 3 in frame.ids
    assert np.argwhere(frame.rows([3]) == 1).tolist() == [[2, 5]]


def test_the_picture_is_the_image_in_8_bits():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    frame = annotated_frame(image, Annotation(np.zeros((3, 4), np.uint8)), np.zeros((3, 4)))
    assert np.array_equal(frame.picture, pixels)


def test_maps_of_another_size_than_the_image_are_refused():
    maps = np.zeros((4, 4), np.uint8), np.zeros((4, 4), bool)
    with pytest.raises(ShapeError, match=r"\(3, 4, 5\).*\(4, 4\)"):
        AnnotatedFrame(torch.zeros(3, 4, 5), *maps)
    with pytest.raises(ShapeError, match=r"\(2, 4\)"):
        AnnotatedFrame(torch.zeros(3, 4, 4), maps[0], maps[1][:2])
