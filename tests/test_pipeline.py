from collections import deque

import numpy as np
import pytest
import torch

from propago.clock import Clock
from propago.errors import MaskError, ShapeError, SourceError, UsageError
from propago.ops.aggregate import hard_max
from propago.ops.image import as_image
from propago.pipeline import Session, segment_frames
from propago.types import Annotation, Frame, SoftMasks
from tiny_clip import as_frames, tiny_clip


class Recorder:
    """A propagator that predicts one half for every object and writes down what it is told."""

    def __init__(self, look_ahead_frames=0):
        self.look_ahead_frames, self.description = look_ahead_frames, {}
        self.told, self.seen = [], []

    def begin(self):
        return ()

    def predict(self, state, frame):
        self.gradients = torch.is_grad_enabled()
        self.seen.append((frame.index, [later.index for later in frame.ahead]))
        return SoftMasks(state, torch.full((len(state), *frame.size), 0.5)), frame.index

    def update(self, state, seen, scores, given):
        self.told.append((seen, scores.probabilities.max().item() if scores.ids else None, given))
        return scores.ids

    def aggregate(self, scores):
        return hard_max(scores)


class AddTenth:
    """Stands for a refiner; as a cleaner it counts frames in its state."""

    def __init__(self):
        self.description = {}

    def __call__(self, frame, scores):
        return scores.replaced(scores.probabilities + 0.1)

    def begin(self):
        return 0

    def filter(self, state, scores):
        return scores.replaced(scores.probabilities + 0.1 * state), ()

    def update(self, state, scores):
        return state + 1


def clip(frames=4):
    images, labels = tiny_clip(frames)
    return as_frames(images), Annotation(labels[0])


def test_what_is_yielded_is_what_the_method_remembers():
    frames, first = clip()
    method = Recorder()
    results = list(segment_frames(frames, {0: first}, method, refine=AddTenth(), clean=AddTenth()))
    assert [seen for seen, _, _ in method.told] == [0, 1, 2, 3]
    assert [given for _, _, given in method.told] == [first, None, None, None]
    highest = [best for _, best, _ in method.told]
    assert highest == pytest.approx([1.0, 0.5 + 0.1 + 0.1, 0.8, 0.9])
    assert [r.checkpoint.cleaner_state for r in results] == [1, 2, 3, 4]
    assert results[3].masks.probabilities.max().item() == highest[3]


def test_the_caller_may_choose_the_rule_of_competition():
    frames, first = clip(2)
    asked = []
    list(segment_frames(frames, {0: first}, Recorder(), aggregate=lambda s: asked.append(s) or s))
    assert len(asked) == 2


def test_it_is_lazy_and_leaves_gradients_as_the_caller_has_them():
    frames, first = clip(3)
    drawn = []
    method = Recorder()
    running = segment_frames((drawn.append(f.index) or f for f in frames), {0: first}, method)
    next(running)
    assert drawn == [0]
    assert torch.is_grad_enabled()
    assert not method.gradients


def test_resume_goes_on_with_both_states():
    frames, first = clip(5)
    whole = list(segment_frames(frames, {0: first}, Recorder(), clean=AddTenth()))
    rest = segment_frames(
        frames[2:], {0: first}, Recorder(), clean=AddTenth(), resume=whole[1].checkpoint
    )
    for a, b in zip(whole[2:], rest, strict=True):
        assert np.array_equal(a.labels, b.labels)
        assert a.checkpoint == b.checkpoint


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_a_method_sees_the_frames_to_come(count):
    frames, first = clip(4)
    method = Recorder(count)
    results = list(segment_frames(frames, {0: first}, method))
    assert method.seen == [(t, list(range(t + 1, min(t + 1 + count, 4)))) for t in range(4)]
    assert [result.frame.index for result in results] == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [0, 2])
def test_every_frame_before_the_damage_has_its_result(count):
    frames, first = clip(3)

    def broken():
        yield from frames
        raise SourceError("the file breaks off")

    results = []
    with pytest.raises(SourceError, match="breaks off"):
        deque(map(results.append, segment_frames(broken(), {0: first}, Recorder(count))))
    assert [result.frame.index for result in results] == [0, 1, 2]


class TestSession:
    def pictures(self, frames=5):
        images, labels = tiny_clip(frames)
        return images, labels[0]

    def test_it_is_the_loop_step_by_step(self):
        images, first = self.pictures()
        session = Session(Recorder(), clean=AddTenth())
        frames = [Frame(as_image(image), t, f"{t:05d}") for t, image in enumerate(images)]
        wanted = segment_frames(frames, {0: Annotation(first)}, Recorder(), clean=AddTenth())
        for t, whole in enumerate(wanted):
            result = session.step(images[t], first if t == 0 else None)
            assert result is not None
            assert result.frame.name == f"{t:05d}"
            assert np.array_equal(result.labels, whole.labels)
            assert result.checkpoint == whole.checkpoint == session.checkpoint

    @pytest.mark.parametrize("form", ["map", "by id", "annotation"])
    def test_masks_come_in_three_forms(self, form):
        images, first = self.pictures(1)
        masks = {"map": first, "by id": {1: first == 1}, "annotation": Annotation(first)}
        result = Session(Recorder()).step(images[0], masks[form])
        assert result is not None
        assert np.array_equal(result.labels, first)

    def test_an_object_ends_without_other_masks(self):
        images, first = self.pictures(2)
        session = Session(Recorder())
        session.step(images[0], {3: first == 1, 7: first == 0})
        result = session.step(images[1], ended=[3])
        assert result is not None
        assert result.masks.ids == (7,)

    def test_rewind_undoes_and_a_fork_goes_its_own_way(self):
        images, first = self.pictures()
        session = Session(Recorder(), clean=AddTenth())
        begun = session.step(images[0], first)
        assert begun is not None
        other = session.fork()
        ahead = [session.step(image) for image in images[1:]]
        session.rewind(begun.checkpoint)
        for run in (session, other):
            again = [run.step(image) for image in images[1:]]
            assert [r.checkpoint for r in again if r] == [r.checkpoint for r in ahead if r]

    def test_results_of_a_method_that_looks_ahead_come_late(self):
        images, first = self.pictures(3)
        session = Session(Recorder(2))
        assert [session.step(images[0], first), session.step(images[1])] == [None, None]
        result = session.step(images[2])
        assert result is not None
        assert result.frame.index == 0
        assert [r.frame.index for r in session.flush()] == [1, 2]
        assert session.flush() == []

    def test_a_clock_counts_the_parts(self):
        images, first = self.pictures(3)
        clock = Clock()
        session = Session(Recorder(), refine=AddTenth(), clean=AddTenth(), clock=clock)
        for t, image in enumerate(images):
            session.step(image, first if t == 0 else None)
        assert clock.counts == {"predict": 3, "refine": 2, "clean": 2, "update": 3}
        assert all(seconds >= 0 for seconds in clock.seconds.values())

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"method": "feelvoss"}, "feelvos"),
            ({"refine": "sharp"}, "spn"),
            ({"clean": "crav"}, "craf"),
        ],
    )
    def test_names_that_are_none_say_which_are(self, options, says):
        with pytest.raises(UsageError, match=says):
            Session(**{"method": Recorder(), **options})

    @pytest.mark.parametrize("masks", [{1: np.ones((3, 3))}, {0: np.ones((48, 64))}, np.ones(4)])
    def test_masks_that_are_none_are_refused(self, masks):
        images, _ = self.pictures(1)
        with pytest.raises(MaskError):
            Session(Recorder()).step(images[0], masks)


def test_a_picture_of_another_size_is_refused_and_the_stream_goes_on():
    session = Session("optical_flow", checkpoint=None)
    picture, mask = np.zeros((24, 32, 3), np.uint8), np.ones((24, 32), np.uint8)
    session.step(picture, mask)
    with pytest.raises(ShapeError, match=r"\(12, 32\).*those before it are \(24, 32\)"):
        session.step(picture[:12])
    result = session.step(picture)
    assert result is not None
    assert (result.frame.index, result.masks.ids) == (1, (1,))
