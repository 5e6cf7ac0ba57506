"""What detections start, correct, confirm and end, while a propagator carries it."""

from dataclasses import replace

import numpy as np
import pytest

import propago
from propago.association.carry import Carry, CarrySettings
from propago.detections import Detections
from propago.errors import MaskError, UsageError
from propago.io.checkpoint import load_state, save_state
from propago.methods.first_mask.run import FirstMask
from propago.methods.optical_flow.run import OpticalFlow
from tiny_clip import tiny_clip

FRAMES, SIZE = 10, (48, 64)


@pytest.fixture(scope="module")
def clip():
    return tiny_clip(FRAMES, SIZE, (1, 2))


class Truth:
    """The true masks, in an order that changes; of some frames other ones."""

    def __init__(self, labels, instead=None):
        self.labels, self.instead, self.asked = labels, instead or {}, []
        self.description = {"detector": "truth"}

    def __call__(self, frame):
        self.asked.append(frame.index)
        if frame.index in self.instead:
            return self.instead[frame.index]
        return found(self.labels[frame.index])[:: -1 if frame.index % 2 else 1]


def found(labels, ids=(1, 2), confidence=0.9):
    masks = np.array([labels == i for i in ids]).reshape(-1, *labels.shape)
    return Detections.of_masks(masks, confidence=[confidence] * len(ids))


def shown(results):
    return [result.detections.ids.tolist() for result in results]


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_instances_keep_identity_and_mask_between_the_looks(clip):
    pictures, labels = clip
    truth = Truth(labels)
    results = list(propago.track_frames(pictures, truth, carry="optical_flow", detect_every=4))
    assert truth.asked == [0, 4, 8]
    assert shown(results) == [[1, 2]] * FRAMES
    for result, true in zip(results, labels, strict=True):
        assert min(iou(result.labels == i, true == i) for i in (1, 2)) > 0.5
    for t in (0, 4, 8):
        assert np.array_equal(results[t].labels, labels[t])


def test_what_is_seen_late_starts_late(clip):
    pictures, labels = clip
    truth = Truth(labels, {0: found(labels[0], (2,)), 2: found(labels[2], (2,))})
    results = list(propago.track_frames(pictures, truth, carry="optical_flow", detect_every=2))
    assert shown(results) == [[1]] * 4 + [[1, 2]] * (FRAMES - 4)
    assert iou(results[4].labels == 2, labels[4] == 1) == 1


def test_what_looks_miss_is_carried_for_a_while_then_away_then_itself_again(clip):
    pictures, labels = clip
    missed = {t: found(labels[t], (1,)) for t in (2, 3, 4)}
    carry = Carry(OpticalFlow(), CarrySettings(max_misses=2))
    results = list(propago.track_frames(pictures, Truth(labels, missed), carry=carry))
    assert shown(results) == [[1, 2]] * 3 + [[1]] * 2 + [[1, 2]] * (FRAMES - 5)
    short = Carry(OpticalFlow(), CarrySettings(max_misses=2, max_absent_frames=1))
    again = list(propago.track_frames(pictures, Truth(labels, missed), carry=short))
    assert shown(again)[-1] == [1, 3]


def test_doubtful_detections_confirm_but_neither_start_nor_correct(clip):
    pictures, labels = clip
    doubtful = Truth(labels, {t: found(labels[t], confidence=0.3) for t in range(1, FRAMES)})
    results = list(propago.track_frames(pictures, doubtful, carry=FirstMask()))
    assert shown(results)[:4] == [[1, 2]] * 4
    assert np.array_equal(results[3].labels, labels[0])
    none = Truth(labels, {t: found(labels[t], confidence=0.3) for t in range(FRAMES)})
    assert shown(propago.track_frames(pictures, none, carry=FirstMask())) == [[]] * FRAMES


def test_an_instance_has_the_class_that_looks_were_surest_of(clip):
    pictures, labels = clip
    other = replace(found(labels[1], (1,)), classes=np.array([7]))
    truth = Truth(labels, {1: other, 2: replace(other, masks=labels[2][None] == 1)})
    results = list(propago.track_frames(pictures[:3], truth, carry="optical_flow"))
    assert shown(results) == [[1, 2]] * 3
    assert [r.detections.classes.tolist() for r in results] == [[1, 1], [1, 1], [7, 1]]


def test_another_class_that_covers_little_is_another_instance(clip):
    pictures, labels = clip
    part = found(labels[1], (1,)).masks & (np.arange(SIZE[1]) < 17)
    other = {1: replace(Detections.of_masks(part), classes=np.array([7]))}
    results = list(propago.track_frames(pictures[:2], Truth(labels, other), carry="optical_flow"))
    assert results[1].detections.ids.tolist() == [1, 2, 3]
    assert results[1].detections.classes.tolist() == [1, 1, 7]


def test_the_state_goes_through_a_checkpoint(clip, tmp_path):
    pictures, labels = clip
    options = {"carry": "optical_flow", "detect_every": 3}
    whole = list(propago.track_frames(pictures, Truth(labels), **options))
    save_state(tmp_path / "state", whole[4].checkpoint)
    resume = load_state(tmp_path / "state")
    rest = list(propago.track_frames(pictures[5:], Truth(labels), **options, resume=resume))
    assert [r.labels.tobytes() for r in rest] == [r.labels.tobytes() for r in whole[5:]]


def test_what_cannot_be_carried_is_said(clip):
    pictures, labels = clip
    tracker = propago.Tracker(carry="optical_flow")
    with pytest.raises(UsageError, match="`carry` needs the picture"):
        tracker.update(found(labels[0]))
    with pytest.raises(MaskError, match=r"00000.*size \(48, 64\).*\(48, 63\)"):
        tracker.update(found(labels[0][:, 1:]), pictures[0])
    with pytest.raises(MaskError, match="boxes alone"):
        tracker.update(replace(found(labels[0]), masks=None), pictures[0])
    with pytest.raises(UsageError, match="`detect_every` is 3"):
        propago.Tracker(detect_every=3)
    with pytest.raises(UsageError, match="without `carry`"):
        propago.Tracker().update(None)
