"""Frames encoded ahead: in order, each once, and an error after every frame before it."""

import pytest
import torch

from propago.errors import SourceError
from propago.runs import ahead
from propago.runs.ahead import encoded_ahead, with_frames_ahead
from propago.types import Frame


def frames(count, damaged=False):
    for index in range(count):
        yield Frame(torch.zeros(3, 4, 4), index, f"{index:05d}")
    if damaged:
        raise SourceError("cut")


@pytest.mark.parametrize("count", [0, 1, 9])
def test_every_frame_is_encoded_once(count):
    made = []

    def encoding(frame):
        return lambda: made.append(frame.index) or frame.index * 10

    found = [(frame.index, frame.encoded) for frame in encoded_ahead(frames(count), encoding)]
    assert found == [(index, index * 10) for index in range(count)]
    assert sorted(made) == list(range(count))


def test_damage_comes_after_the_frames_before_it():
    coming = encoded_ahead(frames(3, damaged=True), lambda frame: lambda: frame.index)
    assert [next(coming).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(SourceError, match="cut"):
        next(coming)


def test_an_error_of_the_encoder_is_raised():
    def encoding(frame):
        def encode():
            raise ValueError(frame.index)

        return encode

    with pytest.raises(ValueError, match="0"):
        list(encoded_ahead(frames(2), encoding))


def test_what_the_frame_before_the_last_left_is_known():
    left: list[int | None] = [None]

    def encoding(frame):
        known = left[-1]
        return lambda: known

    found = []
    for frame in encoded_ahead(frames(5), encoding):
        found.append(frame.encoded)
        left.append(frame.index)
    assert found == [None, None, 0, 1, 2]


def indices_ahead(coming):
    return [(frame.index, [later.index for later in frame.ahead]) for frame in coming]


def test_annotated_frames_have_the_next_ones():
    found = indices_ahead(with_frames_ahead(frames(6), {1, 2, 5}, 2))
    assert found == [(0, []), (1, [2, 3]), (2, [3, 4]), (3, []), (4, []), (5, [])]


def test_an_error_comes_after_the_frames_that_were_read_ahead():
    coming = with_frames_ahead(frames(3, damaged=True), {0}, 9)
    assert indices_ahead(next(coming) for _ in range(3)) == [(0, [1, 2]), (1, []), (2, [])]
    with pytest.raises(SourceError, match="cut"):
        next(coming)


def test_frames_ahead_take_no_more_memory_than_is_allowed(monkeypatch):
    monkeypatch.setattr(ahead, "AHEAD_BYTES", 3 * next(frames(1)).image.nbytes + 1)
    assert indices_ahead(with_frames_ahead(frames(6), {0}, 5))[0] == (0, [1, 2, 3])
