import numpy as np
import pytest

import propago
from propago.detections import Detections
from propago.errors import ShapeError, UsageError
from tiny_clip import tiny_clip


class Truth:
    """Finds the objects of a label map, in an order that changes from frame to frame."""

    def __init__(self, labels):
        self.labels = labels
        self.description = {"detector": "truth"}

    def __call__(self, frame):
        ids = [i for i in np.unique(self.labels[frame.index]) if i]
        ids = np.roll(ids, frame.index)
        return Detections.of_masks(np.stack([self.labels[frame.index] == i for i in ids]))


@pytest.fixture
def clip():
    return tiny_clip(6, (48, 64), (1, 2))


def test_instances_keep_their_identity_through_a_stream(clip):
    pictures, labels = clip
    results = list(propago.track_frames(pictures, Truth(labels)))
    assert [result.frame.index for result in results] == list(range(6))
    for result, truth in zip(results, labels, strict=True):
        assert np.array_equal(result.detections.labels(), truth)


def test_detections_of_anyone_need_no_picture(clip):
    tracker = propago.Tracker()
    for truth in clip[1]:
        found = Detections.of_masks(np.stack([truth == 2, truth == 1]))
        result = tracker.update(found)
        assert result.detections.ids.tolist() == [1, 2]
    assert tracker.checkpoint.index == 5
    with pytest.raises(UsageError, match="`detector`"):
        tracker.step(clip[0][0])


def test_a_tracker_rewinds_and_forks(clip):
    pictures, labels = clip
    tracker = propago.Tracker(Truth(labels))
    first = tracker.step(pictures[0])
    fork = tracker.fork()
    for picture in pictures[1:3]:
        last = tracker.step(picture)
    assert fork.checkpoint.index == 0
    tracker.rewind(first.checkpoint)
    again = [tracker.step(picture) for picture in pictures[1:3]][-1]
    assert again.detections.ids.tolist() == last.detections.ids.tolist()


def test_a_refiner_sharpens_what_was_found(clip):
    pictures, labels = clip

    class Erased:
        description: dict = {}  # noqa: RUF012

        def __call__(self, frame, masks):
            smaller = masks.probabilities.clone()
            smaller[:, :, :32] = 0
            return masks.replaced(smaller)

    tracker = propago.Tracker(Truth(labels), refine=Erased())
    found = tracker.step(pictures[0]).detections
    right = found.masks[:, :, 32:].any((1, 2))
    assert right.any()
    assert (found.boxes_xyxy[right, 0] >= 32).all()
    with pytest.raises(UsageError, match="`refine` needs the picture"):
        tracker.update(found)


def test_a_picture_of_another_size_is_refused(clip):
    pictures, labels = clip
    tracker = propago.Tracker(Truth(labels))
    tracker.step(pictures[0])
    with pytest.raises(ShapeError, match=r"\(12, 64\).*\(48, 64\)"):
        tracker.step(pictures[1][:12])
