"""What pictures of a video mean: matrices not tagged, HDR, anamorphic pixels, fields."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from PIL import Image

from propago.io.video import VideoWriter, open_source
from propago.io.video_colours import tone_mapped
from segment_runs import run

PQ, HLG = 16, 18
PATCHES = np.array(
    [(250, 250, 250), (128, 128, 128), (16, 16, 16), (200, 60, 40), (40, 160, 60), (50, 60, 190)],
    np.uint8,
)


def patches(height: int, width: int) -> np.ndarray:
    return np.repeat(np.repeat(PATCHES[None], height, 0), width // len(PATCHES), 1)


def write(path: Path, picture: VideoFrame, **context) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.width, stream.height, stream.pix_fmt = (
            picture.width,
            picture.height,
            picture.format.name,
        )
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        for _ in range(3):
            picture.pts = None
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def seen(path: Path) -> np.ndarray:
    """The colour in the middle of each patch."""
    image = next(iter(open_source(path))).image.permute(1, 2, 0).numpy() * 255
    width = image.shape[1] // len(PATCHES)
    return image[image.shape[0] // 2, width // 2 :: width][: len(PATCHES)]


@pytest.mark.parametrize(
    ("size", "matrix"),
    [
        ((480, 720), Colorspace.ITU601),
        ((576, 1026), Colorspace.ITU601),
        ((720, 1284), Colorspace.ITU709),
        ((1080, 606), Colorspace.ITU709),
    ],
)
def test_untagged_colours_are_those_of_hd_or_sd(tmp_path, size, matrix):
    height, width = size
    rgb = VideoFrame.from_ndarray(patches(height, width), "rgb24")
    coded = rgb.reformat(format="yuv444p", dst_colorspace=matrix)
    bare = VideoFrame.from_ndarray(coded.to_ndarray(), "yuv444p")
    assert np.abs(seen(write(tmp_path / "a.mkv", bare)) - PATCHES).max() < 3


def pq(light: np.ndarray) -> np.ndarray:
    """ST 2084's inverse EOTF of light in cd/m2."""
    power = (light / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light: np.ndarray) -> np.ndarray:
    """BT.2100's inverse OOTF at 1,000 cd/m2, then its OETF."""
    shown = light / 1000
    bright = (shown @ np.array([0.2627, 0.6780, 0.0593]))[..., None]
    scene = shown * np.maximum(bright, 1e-9) ** ((1 - 1.2) / 1.2)
    logarithm = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)


def in_hdr(rgb: np.ndarray, coded) -> np.ndarray:
    """Standard range as BT.2408 puts it into HDR: uint16."""
    to_2020 = np.array(
        [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    )
    light = 203 * (rgb / 255.0) ** 2.4 @ to_2020.T
    return np.rint(65535 * coded(light).clip(0, 1)).astype(np.uint16)


@pytest.mark.parametrize(("coded", "name"), [(pq, "PQ"), (hlg, "HLG")])
def test_hdr_shows_what_it_was_made_of(coded, name):
    back = tone_mapped(in_hdr(PATCHES[None], coded), name)[0].astype(int)
    assert np.abs(back[1:] - PATCHES[1:]).max() <= 2
    assert (back[0] > 238).all()
    assert np.ptp(back[0]) <= 1


@pytest.mark.parametrize(("coded", "transfer"), [(pq, PQ), (hlg, HLG)])
def test_hdr_video_is_tone_mapped_and_it_is_said(tmp_path, coded, transfer):
    wide = VideoFrame.from_ndarray(in_hdr(patches(48, 96), coded), "rgb48le")
    picture = wide.reformat(format="yuv444p10le", dst_colorspace=Colorspace.BT2020)
    picture.color_trc = transfer
    tags = {"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    path = write(tmp_path / "a.mkv", picture, **tags)
    found = seen(path)
    assert np.abs(found[1:] - PATCHES[1:]).max() < 8
    assert (found[0] > 235).all()
    assert "tone-mapped" in open_source(path).notes[0]


def test_light_beyond_white_keeps_its_order_and_its_hue():
    light = np.array([100, 203, 500, 1000, 4000, 10_000.0])[:, None] * [[1, 1, 1]]
    grey = tone_mapped(np.rint(65535 * pq(light)).astype(np.uint16)[None], "PQ")[0, :, 0]
    assert (np.diff(grey.astype(int)) >= 0).all()
    assert grey[0] < grey[1] < grey[2] <= 255
    red = tone_mapped(np.rint(65535 * pq(np.array([[[2000.0, 200, 200]]]))).astype(np.uint16), "PQ")
    assert red[0, 0, 0] > 2 * red[0, 0, 1]


@pytest.mark.parametrize("turned", [False, True])
def test_the_overlay_shows_pixels_as_wide_as_the_video(tmp_path, turned):
    rgb = VideoFrame.from_ndarray(patches(64, 96), "rgb24")
    picture, aspect = rgb.reformat(format="yuv420p"), Fraction(16, 15)
    with av.open(str(tmp_path / "frames"), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        if turned:
            stream.set_display_rotation(90)
        for _ in range(3):
            picture.pts = None
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    source = open_source(tmp_path / "frames")
    assert source.size == ((96, 64) if turned else (64, 96))
    assert source.pixel_aspect == (1 / aspect if turned else aspect)
    labels = np.zeros(source.size, np.uint8)
    labels[20:40, 20:40] = 1
    Image.fromarray(labels).save(tmp_path / "first.png")
    run(tmp_path)
    with av.open(str(tmp_path / "out/overlay.mp4")) as overlay:
        assert overlay.streams.video[0].sample_aspect_ratio == source.pixel_aspect


def test_square_pixels_stay_square(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", (16, 16), Fraction(5)) as video:
        video.write(np.zeros((16, 16, 3), np.uint8))
    assert open_source(tmp_path / "a.mp4").pixel_aspect == 1


@pytest.mark.parametrize(("flags", "torn"), [("+ilme+ildct", True), ("+bitexact", False)])
def test_interlaced_video_is_said_to_be(tmp_path, flags, torn):
    path, rgb = tmp_path / "a.mkv", VideoFrame.from_ndarray(patches(64, 96), "rgb24")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"flags": flags})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        container.mux(stream.encode(rgb))
        container.mux(stream.encode(None))
    assert any("interlaced" in note for note in open_source(path).notes) == torn
