import numpy as np
import pytest
import torch

from propago.errors import MaskError, ShapeError
from propago.finetune.annotated import AnnotatedFrame, annotated


def test_rows_count_the_objects_that_are_asked_for():
    labels = np.array([[0, 255, 7], [9, 7, 3]], np.uint8)
    frame = AnnotatedFrame(torch.zeros(3, 2, 3), labels)
    assert frame.ids == (3, 7, 9)
    assert frame.rows((9, 7)).tolist() == [[0, 255, 2], [1, 2, 0]]


def test_in_uint16_255_is_an_object_and_not_void():
    frame = AnnotatedFrame(torch.zeros(3, 1, 3), np.array([[0, 255, 300]], np.uint16))
    assert frame.ids == (255, 300)
    assert frame.rows((300, 255)).tolist() == [[0, 2, 1]]
    assert frame.rows((300,)).dtype == np.uint8


def test_more_objects_than_uint8_can_name_are_refused():
    frame = AnnotatedFrame(torch.zeros(3, 1, 1), np.ones((1, 1), np.uint16))
    with pytest.raises(MaskError, match="254"):
        frame.rows(range(1, 256))


def test_labels_come_to_the_size_of_the_image_without_new_ids():
    labels = np.zeros((4, 6), np.uint8)
    labels[:, 3:], labels[2:, 3:] = 9, 200
    frame = annotated(torch.zeros(3, 2, 3), labels)
    assert frame.labels.tolist() == [[0, 9, 9], [0, 200, 200]]
    assert np.array_equal(annotated(torch.zeros(3, 8, 12), labels).labels[::2, ::2], labels)


def test_the_picture_is_the_image_in_8_bits():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    image = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    assert np.array_equal(AnnotatedFrame(image, np.zeros((3, 4), np.uint8)).picture, pixels)


def test_an_image_of_another_size_and_other_labels_are_refused():
    with pytest.raises(ShapeError, match=r"\(3, 4, 5\).*\(4, 4\)"):
        AnnotatedFrame(torch.zeros(3, 4, 5), np.zeros((4, 4), np.uint8))
    with pytest.raises(MaskError, match="int64"):
        AnnotatedFrame(torch.zeros(3, 4, 4), np.zeros((4, 4), np.int64))
