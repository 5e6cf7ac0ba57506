"""What is followed from both sides of a stretch, and how it is mixed."""

import numpy as np
import pytest
import torch

from propago.ops.both_ways import Stretch, mixed, stretches
from propago.types import Annotation, SoftMasks


def drawn(*ids, ended=()):
    labels = np.zeros((2, 4), np.uint8)
    labels[0, : len(ids)] = ids
    return Annotation(labels, frozenset(ended))


def test_a_stretch_goes_back_to_where_each_object_was_drawn_before():
    given = {0: drawn(1, 2), 6: drawn(1), 4: drawn(3), 9: drawn(1, 2, 3)}
    assert stretches(given) == [Stretch(6, {1: 0}), Stretch(9, {1: 6, 2: 0, 3: 4})]
    assert stretches(given)[1].first == 0


def test_an_object_that_had_ended_is_not_followed_back_to_where_it_was():
    given = {0: drawn(1, 2), 3: drawn(ended=[1]), 8: drawn(1, 2), 9: drawn(1)}
    assert stretches(given) == [Stretch(8, {2: 0}), Stretch(9, {1: 8})]


def test_what_is_known_before_is_the_masks_of_its_objects_alone():
    given = {0: drawn(1, 2), 4: drawn(3, 1, 255), 6: drawn(1, 2, 3)}
    (_, stretch) = stretches(given)
    assert stretch == Stretch(6, {1: 4, 2: 0, 3: 4})
    first, second = stretch.known(given).values()
    assert first.labels[0].tolist() == [0, 2, 0, 0]
    assert second.labels[0].tolist() == [3, 1, 255, 0]


def test_the_share_of_the_later_frame_grows_with_the_distance_from_the_earlier_one():
    stretch = Stretch(8, {1: 4, 2: 0})
    assert stretch.shares(2) == {2: 0.25}
    assert stretch.shares(6) == {1: 0.5, 2: 0.75}
    assert stretch.shares(0) == stretch.shares(8) == stretch.shares(9) == {}


def test_objects_are_mixed_by_their_ids_and_all_others_keep_what_they_have():
    forwards = SoftMasks((5, 1, 7), torch.tensor([[[0.8, 0.0]], [[0.2, 1.0]], [[0.0, 0.4]]]))
    backwards = SoftMasks((1, 5), torch.tensor([[[0.6, 0.0]], [[0.0, 0.8]]]))
    found = mixed(forwards, backwards, {1: 0.25, 7: 0.5})
    assert found.ids == forwards.ids
    expected = torch.tensor([[[0.8, 0.0]], [[0.3, 0.75]], [[0.0, 0.4]]])
    assert torch.allclose(found.probabilities, expected)
    assert forwards.probabilities[1, 0, 0].item() == pytest.approx(0.2)
