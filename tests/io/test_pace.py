"""Pictures that are shown at a rate that a person says."""

import json
from fractions import Fraction

import av
import numpy as np
import pytest

from propago.errors import UsageError
from propago.io.masks import write_mask
from propago.io.pace import exact_rate
from propago.io.pictures import write_picture
from propago.io.video import open_source
from propago.io.writer import VideoWriter
from propago.jobs.convert import convert
from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
from propago.methods.first_mask.run import FirstMask
from tiny_clip import tiny_clip

SIZE, FRAMES = (48, 64), 6


@pytest.fixture
def shot(tmp_path):
    images, labels = tiny_clip(FRAMES, SIZE, (1,))
    for folder in ("frames", "masks"):
        (tmp_path / folder).mkdir()
    for t, (image, one) in enumerate(zip(images, labels, strict=True)):
        write_picture(tmp_path / "frames" / f"{t:05d}.png", image)
        write_mask(tmp_path / "masks" / f"{t:05d}.png", one)
    return tmp_path


def rate_of(path):
    with av.open(str(path)) as video:
        return video.streams.video[0].average_rate


def shown_at(shot, fps):
    return segment(
        shot / "frames",
        shot / "masks" / "00000.png",
        out=shot / "out",
        method=FirstMask(),
        options=SegmentOptions(fps=fps),
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (25, Fraction(25)),
        (23.976, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        (0.5, Fraction(1, 2)),
        (0.00333333, Fraction(1, 300)),
        (1e-6, Fraction(1, 1_000_000)),
    ],
)
def test_the_rates_of_broadcasting_are_exact(said, meant):
    assert exact_rate(said) == meant


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf"), 1e6])
def test_no_rate(wrong, shot):
    with pytest.raises(UsageError, match=r"`fps` is .*; it is above 0 and at most 1000"):
        open_source(shot / "frames", fps=wrong)


def test_pictures_have_times_where_a_rate_is_said(shot):
    source = open_source(shot / "frames", fps=12.5, start=1, every=2)
    assert source.fps == Fraction(25, 4)
    assert [frame.time_s for frame in source] == pytest.approx([0.08, 0.24, 0.4])
    assert next(iter(open_source(np.zeros((2, 8, 8, 3), np.uint8), fps=5))).time_s == 0


def test_a_time_lapse_has_times_and_is_shown_at_the_rate_of_pictures(shot):
    made = shown_at(shot, 1 / 300)
    lines = map(json.loads, (shot / "out" / "frames.jsonl").read_text("utf-8").splitlines())
    assert [line["time_s"] for line in lines] == [300 * n for n in range(FRAMES)]
    assert rate_of(made.overlay) == 24


@pytest.mark.parametrize(
    ("noted", "interval_s"),
    [
        ({"imagej": True, "metadata": {"finterval": 300.0, "axes": "TYX"}}, 300),
        ({"imagej": True, "metadata": {"finterval": 2.5, "tunit": "min", "axes": "TYX"}}, 150),
        ({"imagej": True, "metadata": {"finterval": 2.5, "tunit": "frame", "axes": "TYX"}}, None),
        ({"imagej": True, "metadata": {"finterval": 300.0, "axes": "ZYX"}}, None),
        ({"imagej": True, "metadata": {"axes": "TYX"}}, None),
        ({"ome": True, "metadata": {"TimeIncrement": 0.5, "axes": "TYX"}}, 0.5),
        (
            {
                "ome": True,
                "metadata": {"TimeIncrement": 2, "TimeIncrementUnit": "h", "axes": "TYX"},
            },
            7200,
        ),
    ],
)
def test_a_stack_says_how_far_its_pages_are_apart(tmp_path, noted, interval_s):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, *SIZE), np.uint8), **noted)
    source = open_source(tmp_path / "a.tif", start=1)
    assert source.fps is None
    times = [None, None] if interval_s is None else [interval_s, 2 * interval_s]
    assert [frame.time_s for frame in source] == times
    assert [f.time_s for f in open_source(tmp_path / "a.tif", fps=2)] == [0, 0.5, 1]


def test_overlay_and_matte_are_shown_at_that_rate(shot):
    made = shown_at(shot, 25)
    assert rate_of(made.overlay) == 25
    mattes = {"frames": shot / "frames", "to_format": "prores"}
    said = convert(shot / "masks", shot / "said.mov", fps=23.976, **mattes)
    assert rate_of(said.out) == Fraction(24000, 1001)
    unsaid = convert(shot / "masks", shot / "unsaid.mov", **mattes)
    assert rate_of(unsaid.out) == 24
    assert any("24 of them are shown a second, or set `fps`" in note for note in unsaid.notes)
    assert not any("a second" in note for note in said.notes)


def test_a_video_says_it_itself(shot):
    with VideoWriter(shot / "film.mp4", SIZE, 12) as video:
        for _ in range(3):
            video.write(np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(UsageError, match=r"film\.mp4 is a video of 12 frames a second"):
        open_source(shot / "film.mp4", fps=25)
