from collections import deque

import numpy as np
import pytest
import torch

from propago.errors import SourceError
from propago.ops.aggregate import hard_max
from propago.pipeline import look_ahead, segment_frames
from propago.types import GivenMasks, Scores
from tiny_clip import as_frames, tiny_clip


class Recorder:
    """A propagator that predicts one half for every object and writes down what it is told."""

    look_ahead_frames = 0

    def __init__(self):
        self.told = []

    def begin(self):
        return ()

    def predict(self, state, frame):
        self.gradients = torch.is_grad_enabled()
        return Scores(state, torch.full((len(state), *frame.size), 0.5)), frame.index

    def update(self, state, seen, scores, given):
        self.told.append((seen, scores.probabilities.max().item() if scores.ids else None, given))
        return scores.ids

    def aggregate(self, scores):
        return hard_max(scores)


class AddTenth:
    """Stands for a refiner; as a cleaner it counts frames in its state."""

    def __call__(self, frame, scores):
        return scores.replaced(scores.probabilities + 0.1)

    def begin(self):
        return 0

    def filter(self, state, scores):
        return scores.replaced(scores.probabilities + 0.1 * state)

    def update(self, state, scores):
        return state + 1


def clip(frames=4):
    images, labels = tiny_clip(frames)
    return as_frames(images), GivenMasks(labels[0])


def test_what_is_yielded_is_what_the_method_remembers():
    frames, first = clip()
    method = Recorder()
    results = list(segment_frames(frames, {0: first}, method, refine=AddTenth(), clean=AddTenth()))
    assert [seen for seen, _, _ in method.told] == [0, 1, 2, 3]
    assert [given for _, _, given in method.told] == [first, None, None, None]
    highest = [best for _, best, _ in method.told]
    assert highest == pytest.approx([1.0, 0.5 + 0.1 + 0.1, 0.8, 0.9])
    assert [r.checkpoint.kept for r in results] == [1, 2, 3, 4]
    assert results[3].scores.probabilities.max().item() == highest[3]


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
def test_look_ahead_shows_the_frames_to_come(count):
    frames, _ = clip(4)
    seen = [(f.index, [a.index for a in f.ahead]) for f in look_ahead(frames, count)]
    assert seen == [(t, list(range(t + 1, min(t + 1 + count, 4)))) for t in range(4)]


@pytest.mark.parametrize("count", [0, 2])
def test_look_ahead_gives_every_frame_before_the_damage(count):
    frames, _ = clip(3)

    def broken():
        yield from frames
        raise SourceError("the file breaks off")

    seen = []
    with pytest.raises(SourceError, match="breaks off"):
        deque(map(seen.append, look_ahead(broken(), count)))
    assert [frame.index for frame in seen] == [0, 1, 2]
