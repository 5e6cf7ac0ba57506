"""A source read backwards has the same frames, whatever fits into memory."""

import numpy as np
import pytest
import torch

from propago.errors import SourceError
from propago.io import backwards
from propago.io.backwards import read_backwards
from propago.io.imread import imread
from propago.io.pictures import write_picture
from propago.io.video import open_source
from propago.io.writer import VideoWriter
from tiny_clip import tiny_clip

SIZE = (48, 64)


@pytest.fixture(params=["stills", "deep stills", "video"])
def place(request, tmp_path):
    """Nine frames as files of 8 or 16 bits, or as a video."""
    images, _ = tiny_clip(9, SIZE)
    if request.param == "video":
        with VideoWriter(tmp_path / "film.mp4", SIZE, 12) as video:
            for image in images:
                video.write(image)
        return tmp_path / "film.mp4"
    for t, image in enumerate(images):
        path = tmp_path / f"shot_{t}.png"
        write_picture(path, image)
        if request.param == "deep stills":
            import cv2

            deep = imread(path, cv2.IMREAD_COLOR).astype(np.uint16) * 250 + t
            path.write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    return tmp_path


@pytest.mark.parametrize("held", [1, 2, 3, 100])
@pytest.mark.parametrize("select", [{}, {"start": 1, "every": 2}])
def test_the_same_frames_come_in_reverse_order(place, held, select, monkeypatch):
    monkeypatch.setattr(backwards, "HELD_BYTES", held * 3 * SIZE[0] * SIZE[1] + 1)
    source = open_source(place, **select)
    forwards = [frame for frame in source if frame.index <= 7]
    back = read_backwards(source, 7)
    found = list(back)
    assert [frame.index for frame in found] == list(back.selected)
    assert [f.name for f in found] == [f.name for f in reversed(forwards)]
    for a, b in zip(found, reversed(forwards), strict=True):
        assert torch.equal(a.image, b.image)
        assert a.time_s == b.time_s
    again = list(back.frames(2))
    assert [f.index for f in again] == list(range(2, len(found)))
    assert torch.equal(again[0].image, found[2].image)


def test_a_source_that_ends_before_is_refused(tmp_path):
    images, _ = tiny_clip(4, SIZE)
    with VideoWriter(tmp_path / "film.mp4", SIZE, 12) as video:
        for image in images:
            video.write(image)
    with pytest.raises(SourceError, match="ends before frame 6"):
        next(iter(read_backwards(open_source(tmp_path / "film.mp4"), 6)))
