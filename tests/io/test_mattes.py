"""Mattes: alpha to the level, straight or premultiplied, merged or each, read back by PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from propago.errors import MaskError, OutputError, SourceError, UsageError
from propago.io.atomic import part_of
from propago.io.conversion import read_videos, write_videos
from propago.io.formats.mattes import MatteOptions, alpha_of
from propago.io.instances import FrameInstances, InstanceSequence
from propago.io.mask_sequence import Masks
from propago.io.matte_sinks import AlphaVideoSink, CutoutSink
from propago.io.video import open_source
from propago.types import SoftMasks

SIZE = (31, 45)
ROWS, COLUMNS = np.mgrid[: SIZE[0], : SIZE[1]]
FIRST = np.clip((COLUMNS - 12) / 16, 0, 1).astype(np.float32)
SOFT = SoftMasks((1, 7), torch.from_numpy(np.stack([FIRST * 0.75, FIRST * 0.25])))


@pytest.fixture
def source(tmp_path):
    (tmp_path / "frames").mkdir()
    picture = np.stack([COLUMNS * 5, ROWS * 8, ROWS * 0 + 90], -1).astype(np.uint8)
    for name in ("f1", "f2"):
        Image.fromarray(picture).save(tmp_path / "frames" / f"{name}.png")
    return open_source(tmp_path / "frames")


def video(*names: str, masks: Masks = SOFT) -> InstanceSequence:
    return InstanceSequence("clip", {n: lambda: FrameInstances.of_masks(masks) for n in names})


def test_shares_of_objects_that_meet_add_up():
    np.testing.assert_allclose(alpha_of(SOFT), FIRST, atol=1e-6)
    np.testing.assert_allclose(alpha_of(SOFT, 7), FIRST / 4, atol=1e-6)
    assert not alpha_of(SoftMasks.none((2, 3))).any()


def test_straight_and_premultiplied_colours(source, tmp_path):
    for premultiplied in (False, True):
        out = tmp_path / str(premultiplied)
        options = MatteOptions(premultiplied=premultiplied)
        (note,) = write_videos(out, [video("f2")], "rgba-pngs", source, options)
        assert ("premultiplied" in note) == premultiplied
        assert [p.name for p in out.iterdir()] == ["f2.png"]
        found = np.asarray(Image.open(out / "f2.png"))
        np.testing.assert_array_equal(found[..., 3], np.rint(FIRST * 255))
        shown = COLUMNS * 5 * (FIRST if premultiplied else FIRST > 0)
        np.testing.assert_allclose(found[..., 0], shown, atol=0.51)


def test_alpha_alone_of_each_object_has_16_bits(source, tmp_path):
    write_videos(tmp_path / "a", [video("f1")], "alpha-pngs", source, MatteOptions("each"))
    found = cv2.imdecode(np.fromfile(tmp_path / "a" / "7" / "f1.png", np.uint8), -1)
    assert found is not None
    np.testing.assert_allclose(found, FIRST / 4 * 65535, atol=0.6)


def decoded(path, codec=None):
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        context = av.CodecContext.create(codec, "r") if codec else stream.codec_context
        return [f for packet in file.demux(stream) for f in context.decode(packet)]


@pytest.mark.parametrize(("suffix", "codec"), [(".mov", None), (".webm", "libvpx-vp9")])
def test_videos_keep_alpha_and_colours(source, tmp_path, suffix, codec):
    name = {".mov": "prores", ".webm": "webm"}[suffix]
    write_videos(tmp_path / f"a{suffix}", [video("f1", "f2")], name, source)
    frames = decoded(tmp_path / f"a{suffix}", codec)
    assert len(frames) == 2
    found = frames[1].reformat(format="rgba", src_colorspace=1).to_ndarray().astype(float)
    np.testing.assert_allclose(found[..., 3], FIRST * 255, atol=1.01 if codec is None else 6)
    inside = FIRST > 0.5
    assert np.abs(found[..., 0] - COLUMNS * 5)[inside].mean() < (1 if codec is None else 4)
    assert not list(tmp_path.glob(".*.part"))


def test_objects_on_a_colour(source, tmp_path):
    options = MatteOptions(background="#0000ff")
    write_videos(tmp_path / "a.mp4", [video("f1")], "cutout", source, options)
    found = decoded(tmp_path / "a.mp4")[0].to_ndarray(format="rgb24")[: SIZE[0], : SIZE[1]]
    assert found[5, 2].argmax() == 2
    assert found[5, 2, 0] < 30
    with pytest.raises(UsageError, match="#RRGGBB"):
        MatteOptions(background="green")


def test_alpha_follows_the_picture_where_that_is_asked_for(tmp_path):
    ramp = np.clip((COLUMNS - 17) / 5, 0, 1)
    picture = np.rint(np.stack([ramp, ramp, ramp], -1) * 250).astype(np.uint8)
    (tmp_path / "frames").mkdir()
    Image.fromarray(picture).save(tmp_path / "frames" / "f1.png")
    hard = (COLUMNS > 19).astype(np.uint8)
    source = open_source(tmp_path / "frames")
    options = MatteOptions(matte=True, edge_px=6)
    write_videos(tmp_path / "a", [video("f1", masks=hard)], "alpha-pngs", source, options)
    found = cv2.imdecode(np.fromfile(tmp_path / "a" / "f1.png", np.uint8), -1)
    np.testing.assert_allclose(found / 65535, ramp, atol=0.04)
    with pytest.raises(UsageError, match="at least 1 pixel"):
        MatteOptions(edge_px=0)


def test_masks_of_other_names_are_taken_in_order_where_as_many_came(source, tmp_path):
    write_videos(tmp_path / "a", [video("x", "y")], "alpha-pngs", source)
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["f1.png", "f2.png"]
    with pytest.raises(SourceError, match="none of the name"):
        write_videos(tmp_path / "b", [video("x")], "alpha-pngs", source)
    with pytest.raises(MaskError, match="3x2"):
        write_videos(
            tmp_path / "c.mov", [video("f1", masks=np.ones((2, 3), np.uint8))], "prores", source
        )
    assert not (tmp_path / "c.mov").exists()
    with pytest.raises(UsageError, match="frames"):
        write_videos(tmp_path / "d", [video("x")], "alpha-pngs")


@pytest.mark.parametrize("name", ["soft-masks", "soft-pictures"])
def test_soft_masks_come_back(tmp_path, name):
    write_videos(tmp_path / "a", [video("f1")], name)
    (back,) = read_videos(tmp_path / "a", name)
    found = back.readers["f1"]()
    assert found.soft.ids == (1, 7)
    np.testing.assert_allclose(found.soft.probabilities, SOFT.probabilities, atol=1 / 2048)
    assert [one.id for one in found.instances] == [1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("name", ["matte.mov", "matte.webm", "cut.mp4"])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, name):
    path = tmp_path / name
    part_of(path).symlink_to("/dev/full")
    size, rate = (48, 64), Fraction(24)
    if name == "cut.mp4":
        sink = CutoutSink(path, size, rate, (0, 255, 0))
    else:
        sink = AlphaVideoSink(path, size, rate, premultiplied=False)
    noise = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)

    def fill():
        for _ in range(400):
            sink.write("", noise, noise[..., 0] / np.float32(255))
        sink.close(failed=False)

    with pytest.raises(OutputError, match=f"{name} cannot be written: the disk is full"):
        fill()
    sink.close(failed=True)
    assert list(tmp_path.iterdir()) == []
