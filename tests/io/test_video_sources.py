"""Sources: every kind of input, selection, orientation, damage."""

import os
import subprocess
import sys
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest
import torch
from av.stream import Disposition
from PIL import Image

from propago.errors import OutputError, ShapeError, SourceError, UsageError
from propago.io.masks import write_mask
from propago.io.names import natural_key
from propago.io.stills import read_rgb
from propago.io.video import VideoWriter, is_davis_root, open_davis, open_source

H, W = 48, 64
CODECS = {
    "mp4": "libx264",
    "mov": "libx264",
    "mkv": "libx264",
    "webm": "libvpx-vp9",
    "avi": "mpeg4",
}


def corners() -> np.ndarray:
    """Red, green, blue, white from top left to bottom right."""
    rgb = np.zeros((H, W, 3), np.uint8)
    rgb[: H // 2, : W // 2], rgb[: H // 2, W // 2 :] = (255, 0, 0), (0, 255, 0)
    rgb[H // 2 :, : W // 2], rgb[H // 2 :, W // 2 :] = (0, 0, 255), (255, 255, 255)
    return rgb


def numbered(index: int) -> np.ndarray:
    """A grey frame whose value is its index, and noise that keeps the file long."""
    rgb = np.full((H, W, 3), 20 + 4 * index, np.uint8)
    rgb[: H // 4] = np.random.default_rng(index).integers(0, 255, (H // 4, W, 3))
    return rgb


def index_seen(image: torch.Tensor) -> int:
    return round((float(image[:, H // 2 :].mean()) * 255 - 20) / 4)


def times_s(frames) -> np.ndarray:
    return np.array([frame.time_s for frame in frames], float)


def write_clip(path: Path, pictures, rotation=None, rate=25, faststart=True, times=None) -> Path:
    movflags = {"movflags": "+faststart"} if faststart and path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=movflags) as container:
        stream = cast(av.VideoStream, container.add_stream(CODECS[path.suffix[1:]], rate=rate))
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        stream.bit_rate = 2_000_000
        if rotation:
            stream.set_display_rotation(*rotation)
        for i, rgb in enumerate(pictures):
            picture = av.VideoFrame.from_ndarray(rgb, "rgb24")
            if times:
                picture.pts, picture.time_base = round(times[i] * 1000), Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for suffix in CODECS:
        write_clip(folder / f"c.{suffix}", [numbered(i) for i in range(40)])
    return folder


@pytest.mark.parametrize("suffix", list(CODECS))
def test_every_container_yields_every_frame_in_order_with_times(clips, suffix):
    source = open_source(clips / f"c.{suffix}")
    frames = list(source)
    assert [f.index for f in frames] == list(range(40))
    assert [index_seen(f.image) for f in frames] == list(range(40))
    assert frames[3].name == "00003"
    assert (source.name, source.size, source.frame_count, source.named) == ("c", (H, W), 40, False)
    assert source.fps == 25
    np.testing.assert_allclose(times_s(frames), np.arange(40) / 25, atol=2e-3)
    image = frames[0].image
    assert image.shape == (3, H, W)
    assert image.dtype == torch.float32
    assert image.is_contiguous()
    assert 0 <= image.min() <= image.max() <= 1


ELSEWHERE = {
    "c.ts": ("mpeg2video", "yuv420p"),
    "c.MTS": ("libx264", "yuv420p"),
    "c.mpg": ("mpeg1video", "yuv420p"),
    "c.wmv": ("wmv2", "yuv420p"),
    "c.flv": ("flv1", "yuv420p"),
    "c.3gp": ("libx264", "yuv420p"),
    "c.mxf": ("mpeg2video", "yuv420p"),
    "c.y4m": ("wrapped_avframe", "yuv420p"),
    "c.gif": ("gif", "rgb8"),
    "c.h264": ("libx264", "yuv420p"),
    "b-frames.avi": ("libx264", "yuv420p"),
    "no-suffix": ("mpeg4", "yuv420p"),
}


@pytest.mark.parametrize(("name", "codec", "pixels"), [(n, *c) for n, c in ELSEWHERE.items()])
def test_the_content_tells_a_video_not_its_name(tmp_path, name, codec, pixels):
    form = {"MTS": "mpegts", "no-suffix": "matroska"}.get(name.split(".")[-1])
    with av.open(str(tmp_path / name), "w", format=form) as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=25))
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = W, H, pixels, 2_000_000
        if codec == "libx264":
            stream.options = {"bf": "2", "x264-params": "b-adapt=0"}
        for i in range(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(i), "rgb24")))
        container.mux(stream.encode(None))
    source = open_source(tmp_path / name)
    frames = list(source)
    assert [index_seen(f.image) for f in frames] == list(range(12))
    assert source.fps == 25
    np.testing.assert_allclose(np.diff(times_s(frames)), 1 / 25, atol=2e-3)


def test_opening_ends_where_the_program_logs_what_ffmpeg_says(clips):
    code = (
        "import sys, av; av.logging.set_level(av.logging.ERROR)\n"
        "from propago.io.video import open_source\n"
        "for _ in range(800): open_source(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(clips / "c.mp4")], check=True, timeout=200)


def test_selection_counts_in_the_source_and_skips_exactly(clips):
    source = open_source(clips / "c.mp4", start=5, end=30, every=4)
    assert source.frame_count == 7
    assert source.fps == Fraction(25, 4)
    assert [f.index for f in source] == [5, 9, 13, 17, 21, 25, 29]
    assert [f.index for f in source] == [5, 9, 13, 17, 21, 25, 29], "a second pass is the same"
    assert [(f.index, index_seen(f.image)) for f in source.frames(14)] == [
        (17, 17),
        (21, 21),
        (25, 25),
        (29, 29),
    ]
    assert next(source.frames(17)).index == 17
    assert list(source.frames(30)) == []


def test_a_complete_run_resumes_with_nothing(clips):
    assert list(open_source(clips / "c.mp4").frames(40)) == []


@pytest.mark.parametrize("bad", [{"start": -1}, {"start": 5, "end": 5}, {"every": 0}])
def test_a_selection_of_nothing_is_a_usage_error(clips, bad):
    with pytest.raises(UsageError, match="choose no frame"):
        open_source(clips / "c.mp4", **bad)


def test_a_start_behind_the_end_says_how_many_frames_there_are(clips):
    with pytest.raises(SourceError, match="has 40 frames"):
        list(open_source(clips / "c.mp4", start=99))


@pytest.mark.parametrize(
    ("rotation", "picture"),
    [
        ((90,), np.rot90(corners(), 1)),
        ((-90,), np.rot90(corners(), -1)),
        ((180,), np.rot90(corners(), 2)),
        ((0, True), corners()[:, ::-1]),
        ((90, True), np.rot90(corners(), 1)[:, ::-1]),
        ((90, False, True), np.rot90(corners(), 1)[::-1]),
    ],
)
def test_the_display_matrix_is_applied(tmp_path, rotation, picture):
    source = open_source(write_clip(tmp_path / "r.mp4", [corners()] * 2, rotation))
    image = next(iter(source)).image
    assert source.size == picture.shape[:2]
    expected = torch.from_numpy(picture.copy()).permute(2, 0, 1) / 255
    assert (image - expected)[:, 4:12, 4:12].abs().max() < 0.1
    assert (image - expected)[:, -12:-4, 4:12].abs().max() < 0.1


@pytest.mark.parametrize("width", [850, 852, 854, 856])
def test_every_column_is_decoded_at_every_width(tmp_path, width):
    ramp = np.linspace(40, 200, width).astype(np.uint8)
    picture = np.broadcast_to(ramp[None, :, None], (48, width, 3)).copy()
    with VideoWriter(tmp_path / "ramp.mp4", (48, width), 25) as video:
        video.write(picture)
    image = next(iter(open_source(tmp_path / "ramp.mp4"))).image
    assert np.abs(image[:, 24].numpy() * 255 - ramp).max() < 6


def test_times_of_a_variable_rate_survive_reading_and_writing(tmp_path):
    times = [0.0, 0.04, 0.2, 0.24, 1.0, 1.04]
    path = write_clip(tmp_path / "v.mkv", [numbered(i) for i in range(6)], times=times)
    frames = list(open_source(path))
    np.testing.assert_allclose(times_s(frames), times, atol=2e-3)
    with VideoWriter(tmp_path / "o.mp4", (H, W), 25) as video:
        for frame in frames:
            video.write((frame.image.permute(1, 2, 0) * 255).byte().numpy(), frame.time_s)
    again = open_source(tmp_path / "o.mp4")
    np.testing.assert_allclose(times_s(again), times, atol=2e-3)


@pytest.mark.parametrize("suffix", list(CODECS))
def test_a_cut_off_file_yields_what_is_whole_then_says_where_it_broke(clips, tmp_path, suffix):
    data = (clips / f"c.{suffix}").read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: len(data) * 2 // 3])
    seen = []
    with pytest.raises(SourceError, match="breaks at frame") as caught:
        _collect(open_source(cut), seen)
    assert 15 < len(seen) < 40
    assert seen == list(range(len(seen)))
    assert f"frame {len(seen)} " in str(caught.value)


def _collect(source, seen):
    for frame in source:
        assert index_seen(frame.image) == frame.index
        seen.append(frame.index)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi"])
def test_damage_in_the_middle_never_yields_a_wrong_frame(clips, tmp_path, suffix):
    data = bytearray((clips / f"c.{suffix}").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 900] = np.random.default_rng(0).bytes(900)
    broken = tmp_path / f"broken.{suffix}"
    broken.write_bytes(data)
    seen = []
    with pytest.raises(SourceError, match="breaks at frame"):
        _collect(open_source(broken), seen)
    assert seen == list(range(len(seen)))
    assert len(seen) > 5


def test_a_file_cut_before_its_index_says_so(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [numbered(i) for i in range(9)], faststart=False)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(SourceError, match="no readable video"):
        open_source(path)


def test_unreadable_sources_say_what_is_legal(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"not a video")
    (tmp_path / "a.xyz").write_bytes(b"?")
    (tmp_path / "words.nfo").write_text("not a video")
    (tmp_path / "nothing.mp4").touch()
    (tmp_path / "empty").mkdir()
    one, *more = (Image.fromarray(np.roll(corners(), n)) for n in range(3))
    one.save(tmp_path / "one.png")
    one.save(tmp_path / "three.webp", save_all=True, append_images=more)
    for name, message in [
        ("a.mp4", "no readable video"),
        ("a.xyz", "no readable video.*legal are"),
        ("words.nfo", "no video stream"),
        ("missing.mp4", "does not exist"),
        ("empty", "holds no images"),
        ("nothing.mp4", "is empty"),
        ("one.png", "give its folder"),
        ("three.webp", "is an animation"),
        ("*.jpg", "matches no images"),
    ]:
        with pytest.raises(SourceError, match=message):
            open_source(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.apng", "a.gif"])
def test_animations_are_videos(tmp_path, name):
    one, *more = (Image.fromarray(np.full((16, 24, 3), 60 * n, np.uint8)) for n in range(4))
    kind = "GIF" if name == "a.gif" else "PNG"
    one.save(tmp_path / name, kind, save_all=True, append_images=more, duration=100)
    frames = list(open_source(tmp_path / name))
    assert [round(float(frame.image.mean() * 255)) for frame in frames] == [0, 60, 120, 180]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_sound_alone_is_no_source(tmp_path):
    with av.open(str(tmp_path / "s.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match="no video stream"):
        open_source(tmp_path / "s.mkv")


def write_two_streams(path: Path, side: int, frames: int, cover: bool) -> Path:
    """A clip behind another stream: a cover, or a smaller video."""
    with av.open(str(path), "w") as container:
        other = container.add_stream("mjpeg" if cover else "mpeg4", rate=25)
        clip = container.add_stream("mpeg4", rate=25)
        other.width = other.height = side
        other.pix_fmt = "yuvj420p" if cover else "yuv420p"
        clip.width, clip.height, clip.pix_fmt, clip.bit_rate = W, H, "yuv420p", 2_000_000
        if cover:
            other.disposition = Disposition.attached_pic
        for i in range(5):
            if i < frames:
                grey = np.full((side, side, 3), 128, np.uint8)
                container.mux(other.encode(av.VideoFrame.from_ndarray(grey, "rgb24")))  # type: ignore[arg-type]
            container.mux(clip.encode(av.VideoFrame.from_ndarray(numbered(i), "rgb24")))
        for stream in (other, clip):
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "side", "frames", "cover"),
    [
        ("cover.mp4", 500, 1, True),
        ("cover.mkv", 500, 1, True),
        ("preview.mkv", 16, 3, False),
        ("preview.mp4", 16, 5, False),
    ],
)
def test_the_main_stream_is_read_not_cover_art_or_a_preview(tmp_path, name, side, frames, cover):
    source = open_source(write_two_streams(tmp_path / name, side, frames, cover))
    assert source.size == (H, W)
    assert [index_seen(frame.image) for frame in source] == list(range(5))


@pytest.mark.parametrize(
    ("frames", "masks"),
    [
        ("img_00{}.png", ["img_000_cp_masks.png", "img_001_cp_masks.png", "img_002_cp_masks.png"]),
        ("0000{}.jpg", ["mask.png"]),
        ("0000{}.jpg", ["first.png"]),
        ("0000{}.png", ["0_seg.png"]),
    ],
)
def test_masks_among_the_frames_are_refused_by_name(tmp_path, frames, masks):
    for i in range(3):
        Image.fromarray(numbered(i)).save(tmp_path / frames.format(i))
    for name in masks:
        write_mask(tmp_path / name, np.eye(H, W, dtype=np.uint8))
    with pytest.raises(SourceError, match=f"look like masks, such as {masks[0]}"):
        open_source(tmp_path)
    for name in masks:
        (tmp_path / name).unlink()
    assert open_source(tmp_path).frame_count == 3


def test_a_folder_of_masks_alone_is_a_folder_of_pictures(tmp_path):
    for i in range(3):
        write_mask(tmp_path / f"mask_{i}.png", np.eye(H, W, dtype=np.uint8))
    assert open_source(tmp_path).frame_count == 3


def test_folders_sort_naturally_and_keep_names(tmp_path):
    for i in (10, 2, 1):
        Image.fromarray(numbered(i)).save(tmp_path / f"frame{i}.png")
    (tmp_path / "notes.txt").write_text("no image")
    source = open_source(tmp_path)
    assert [f.name for f in source] == ["frame1", "frame2", "frame10"]
    assert [index_seen(f.image) for f in source] == [1, 2, 10]
    assert (source.named, source.fps, source.frame_count) == (True, None, 3)
    assert source.name == tmp_path.name
    assert [f.index for f in open_source(tmp_path, start=1)] == [1, 2]
    assert [f.name for f in open_source(tmp_path / "frame1*.png")] == ["frame1", "frame10"]
    with pytest.raises(SourceError, match="has 3 frames"):
        open_source(tmp_path, start=3)


def test_natural_key_orders_numbers_by_value():
    names = ["b1", "a10.png", "a2.png", "7", "A3.png", "10", "x-2-10", "x-2-9"]
    ordered = ["7", "10", "a2.png", "A3.png", "a10.png", "b1", "x-2-9", "x-2-10"]
    assert sorted(names, key=natural_key) == ordered


def test_folders_with_trouble_name_the_file(tmp_path):
    Image.fromarray(corners()).save(tmp_path / "1.png")
    Image.fromarray(corners()[:20]).save(tmp_path / "2.png")
    with pytest.raises(SourceError, match=r"2\.png is 64x20, .* 64x48"):
        list(open_source(tmp_path))
    (tmp_path / "2.png").rename(tmp_path / "1.bmp")
    with pytest.raises(SourceError, match="'1'"):
        open_source(tmp_path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tif"])
def test_a_cut_off_still_is_refused(tmp_path, suffix):
    for i in range(2):
        Image.fromarray(numbered(i)).save(tmp_path / f"{i}.{suffix}")
    path = tmp_path / f"1.{suffix}"
    path.write_bytes(path.read_bytes()[:-400])
    source = open_source(tmp_path)
    with pytest.raises(SourceError, match=rf"1\.{suffix}"):
        list(source)


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(corners()).save(tmp_path / "1.jpg", exif=exif, quality=95)
    source = open_source(tmp_path)
    assert source.size == (W, H)
    expected = torch.from_numpy(np.rot90(corners(), -1).copy()).permute(2, 0, 1) / 255
    assert (next(iter(source)).image - expected)[:, 4:12, 4:12].abs().max() < 0.1


def test_jpeg_colours_match_pillow(tmp_path):
    ramp = np.zeros((H, W, 3), np.uint8)
    ramp[..., 0], ramp[..., 1], ramp[..., 2] = np.arange(W) * 3, 80, np.arange(H)[:, None] * 5
    Image.fromarray(ramp).save(tmp_path / "1.jpg", quality=95)
    expected = np.asarray(Image.open(tmp_path / "1.jpg"))
    image = next(iter(open_source(tmp_path))).image.permute(1, 2, 0).numpy() * 255
    assert np.abs(image - expected).max() <= 2.01


def test_the_scale_of_sixteen_bits(tmp_path):
    grey = np.array([[0, 1000], [2000, 4000]], np.uint16)
    colour = np.zeros((2, 2, 3), np.uint16)
    colour[0, 0] = (65535, 0, 13107)
    cases = {"a.png": grey, "b.tif": grey}
    for name, values in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        Image.fromarray(values).save(folder / name)
    (tmp_path / "c").mkdir()
    cv2.imwrite(str(tmp_path / "c" / "c.png"), colour[..., ::-1])
    png, tif, rgb = (next(iter(open_source(tmp_path / n))).image for n in ("a.png", "b.tif", "c"))
    np.testing.assert_allclose(png[1], grey / 4095, atol=1e-6)
    np.testing.assert_allclose(tif[2], grey / 4095, atol=1e-6)
    np.testing.assert_allclose(rgb[:, 0, 0], [1, 0, 0.2], atol=1e-6)


def test_tiff_pages_are_frames_of_one_scale(tmp_path):
    pages = [np.full((4, 6), v, np.uint16) for v in (1000, 500, 2000)]
    stack = [Image.fromarray(p) for p in pages]
    stack[0].save(tmp_path / "s.tif", save_all=True, append_images=stack[1:])
    source = open_source(tmp_path / "s.tif")
    assert (source.frame_count, source.size, source.named) == (3, (4, 6), False)
    values = [float(f.image.max()) for f in source]
    np.testing.assert_allclose(values, [1 / 3, 0, 1], atol=1e-6)
    assert [f.name for f in open_source(tmp_path / "s.tif", start=1)] == ["00001", "00002"]
    colour = [Image.fromarray(numbered(i)) for i in range(3)]
    colour[0].save(tmp_path / "c.tiff", save_all=True, append_images=colour[1:])
    assert [index_seen(f.image) for f in open_source(tmp_path / "c.tiff", every=2)] == [0, 2]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_tiffs_that_are_no_pictures_are_refused(tmp_path):
    sizes = [Image.fromarray(np.zeros((n, 6), np.uint8)) for n in (4, 5)]
    sizes[0].save(tmp_path / "z.tif", save_all=True, append_images=sizes[1:])
    with pytest.raises(SourceError, match="page 1"):
        list(open_source(tmp_path / "z.tif"))
    (tmp_path / "t.tif").write_bytes(b"II*\0nothing")
    with pytest.raises(SourceError, match="TIFF"):
        open_source(tmp_path / "t.tif")


def davis_root(root: Path) -> Path:
    for name in ("bear", "dog"):
        (root / "JPEGImages" / "480p" / name).mkdir(parents=True)
        Image.fromarray(corners()).save(root / "JPEGImages" / "480p" / name / "00000.jpg")
    (root / "ImageSets" / "2017").mkdir(parents=True)
    (root / "ImageSets" / "2017" / "val.txt").write_text("dog\n")
    return root


def test_a_davis_root_opens_as_its_sequences(tmp_path):
    root = davis_root(tmp_path)
    assert is_davis_root(root)
    assert not is_davis_root(root / "JPEGImages")
    assert [s.name for s in open_davis(root)] == ["bear", "dog"]
    for name in ("val", "val.txt", root / "ImageSets" / "2017" / "val.txt"):
        assert [s.name for s in open_davis(root, Path(name))] == ["dog"]
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png\n" * 2)
    assert [s.name for s in open_davis(root, pairs)] == ["bear"]
    with pytest.raises(SourceError, match="`set`"):
        open_source(root)
    with pytest.raises(SourceError, match=r"2017/val\.txt"):
        open_davis(root, Path("missing"))
    pairs.write_text("cat\n")
    with pytest.raises(SourceError, match="cat, absent"):
        open_davis(root, pairs)
    with pytest.raises(SourceError, match="DAVIS layout"):
        open_davis(tmp_path / "ImageSets")


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24), Fraction(25, 2), 12.5])
def test_the_written_video_keeps_rate_and_pads_odd_sizes(tmp_path, rate):
    path = tmp_path / "o.mp4"
    with VideoWriter(path, (33, 47), rate) as video:
        for _ in range(6):
            video.write(np.full((33, 47, 3), (200, 30, 60), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["o.mp4"]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (48, 34, 6)
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == Fraction(rate)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    image = next(iter(open_source(path))).image * 255
    np.testing.assert_allclose(image[:, 33, 47], [200, 30, 60], atol=4)


def test_a_failed_write_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "o.mp4"
    path.write_bytes(b"earlier")
    with pytest.raises(ShapeError, match=r"\(32, 32, 3\)"):
        _write_two_sizes(path)
    assert path.read_bytes() == b"earlier"
    assert [p.name for p in tmp_path.iterdir()] == ["o.mp4"]
    with pytest.raises(OutputError, match="cannot be written"):
        VideoWriter(tmp_path / "absent" / "o.mp4", (32, 32), 25)


def _write_two_sizes(path):
    with VideoWriter(path, (32, 32), 25) as video:
        video.write(np.zeros((32, 32, 3), np.uint8))
        video.write(np.zeros((30, 32, 3), np.uint8))


def test_reading_says_nothing_on_its_own(clips, tmp_path, capfd):
    data = (clips / "c.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(SourceError):
        list(open_source(tmp_path / "cut.mp4"))
    assert capfd.readouterr() == ("", "")


def test_memory_holds_one_frame_at_a_time(clips):
    frames = iter(open_source(clips / "c.mp4"))
    kept = next(frames).image.clone()
    first = next(iter(open_source(clips / "c.mp4"))).image
    next(frames)
    assert torch.equal(kept, first), "a frame is not overwritten by the next"


def jpeg_of(rgb: np.ndarray, **how) -> bytes:
    out = BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=90, **how)
    return out.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
def test_jpegs_with_bytes_behind_the_end_or_without_its_marker_are_whole(tmp_path, progressive):
    data = jpeg_of(numbered(3), progressive=progressive)
    (tmp_path / "plain.jpg").write_bytes(data)
    for content in (data[:-2], data + np.random.default_rng(0).bytes(500) + b"\xff\xda\xff\xda"):
        (tmp_path / "odd.jpg").write_bytes(content)
        assert np.array_equal(read_rgb(tmp_path / "odd.jpg"), read_rgb(tmp_path / "plain.jpg"))
    for kept in (0.3, 0.6, 0.9, 0.98):
        (tmp_path / "cut.jpg").write_bytes(data[: int(kept * len(data))])
        with pytest.raises(SourceError, match="cut off"):
            read_rgb(tmp_path / "cut.jpg")


def test_a_glob_in_a_folder_with_brackets_in_its_name(tmp_path):
    folder = tmp_path / "[x] take?1" if os.name == "posix" else tmp_path / "[x] take1"
    folder.mkdir()
    for name in ("a0.png", "a1.png", "b0.png"):
        Image.fromarray(corners()).save(folder / name)
    assert [f.name for f in open_source(folder / "a*.png")] == ["a0", "a1"]
    assert [f.name for f in open_source(tmp_path / "[[]x*" / "a[1].png")] == ["a1"]


def test_files_of_systems_are_no_frames_and_no_sequences(tmp_path):
    root = davis_root(tmp_path)
    level = root / "JPEGImages" / "480p"
    for folder in ("__MACOSX", ".ipynb_checkpoints"):
        (level / folder).mkdir()
        (level / folder / "00000.jpg").write_bytes(b"?")
    for name in ("._00000.jpg", "Thumbs.db", ".DS_Store"):
        (level / "dog" / name).write_bytes(b"?")
    sources = open_davis(root)
    assert [s.name for s in sources] == ["bear", "dog"]
    assert [f.name for f in sources[1]] == ["00000"]
    assert [f.name for f in open_source(level / "dog" / "*")] == ["00000"]
