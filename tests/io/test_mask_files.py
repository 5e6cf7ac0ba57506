"""Masks: everything people draw, what is refused, what is written, which frame it is for."""

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from propago.errors import MaskError, OutputError
from propago.io.annotations import fit_mask, read_annotations
from propago.io.labels import LabelPolicy
from propago.io.masks import DAVIS_PALETTE, read_mask, write_mask
from propago.io.video import open_source

H, W = 40, 60


def blobs() -> np.ndarray:
    """Objects 1 and 2, touching, on background."""
    labels = np.zeros((H, W), np.uint8)
    labels[5:25, 5:25], labels[5:25, 25:40] = 1, 2
    return labels


def with_void() -> np.ndarray:
    """Object 1, and 255 where object 2 was."""
    return np.where(blobs() == 2, 255, blobs()).astype(np.uint8)


def smooth_disc(mode: str = "L", fill: Any = 255) -> Image.Image:
    """A disc with anti-aliased edges."""
    big = Image.new(mode, (W * 4, H * 4))
    ImageDraw.Draw(big).ellipse((40, 20, 180, 140), fill=fill)
    return big.resize((W, H), Image.Resampling.BOX)


def test_the_palette_is_the_official_one():
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 4: (0, 0, 128)}
    known |= {7: (128, 128, 128), 8: (64, 0, 0), 20: (0, 64, 128), 255: (224, 224, 192)}
    table = np.frombuffer(DAVIS_PALETTE, np.uint8).reshape(256, 3)
    assert {i: tuple(int(c) for c in table[i]) for i in known} == known
    assert len({tuple(c) for c in table}) == 256


@settings(max_examples=30, deadline=None)
@given(
    arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.sampled_from([0, 1, 2, 3, 17, 254]),
    )
)
def test_written_masks_come_back(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("m") / "0.png"
    write_mask(path, labels)
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), labels)
    if labels.dtype == np.uint8:
        back = read_mask(path, may_be_empty=True)
        assert back.labels.dtype == np.uint8
        assert np.array_equal(back.labels, labels)
        assert back.notes == ()


def test_uint8_is_indexed_with_the_palette_and_uint16_is_grey(tmp_path):
    write_mask(tmp_path / "a.png", blobs())
    write_mask(tmp_path / "b.png", blobs().astype(np.uint16) * 300)
    with Image.open(tmp_path / "a.png") as small, Image.open(tmp_path / "b.png") as wide:
        assert small.mode == "P"
        assert bytes(small.getpalette() or ()) == DAVIS_PALETTE
        assert wide.mode == "I;16"
    back = read_mask(tmp_path / "b.png").labels
    assert back.dtype == np.uint16
    assert np.array_equal(back, blobs().astype(np.uint16) * 300)


def test_nothing_but_label_maps_is_written_and_nothing_half(tmp_path):
    with pytest.raises(MaskError, match="float32"):
        write_mask(tmp_path / "a.png", blobs().astype(np.float32))
    with pytest.raises(OutputError, match="there is no folder"):
        write_mask(tmp_path / "absent" / "a.png", blobs())
    assert list(tmp_path.iterdir()) == []


def test_indexed_png_of_few_colours_and_other_palettes(tmp_path):
    picture = Image.fromarray(blobs())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "a.png", bits=2)
    assert np.array_equal(read_mask(tmp_path / "a.png").labels, blobs())
    picture.putpalette([9, 9, 9, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "b.png")
    assert "index 0, colour (9, 9, 9)" in read_mask(tmp_path / "b.png").notes[0]


def test_void_in_indexed_png(tmp_path):
    labels = blobs()
    labels[0] = 255
    write_mask(tmp_path / "a.png", labels)
    assert np.array_equal(read_mask(tmp_path / "a.png").labels, labels)
    write_mask(tmp_path / "v.png", np.where(labels == 255, 255, 0).astype(np.uint8))
    with pytest.raises(MaskError, match="no object"):
        read_mask(tmp_path / "v.png")
    Image.fromarray(np.where(labels == 1, 255, 0).astype(np.uint8)).convert("P").save(
        tmp_path / "w.png"
    )
    white = read_mask(tmp_path / "w.png")
    assert np.array_equal(white.labels, labels == 1)
    assert white.notes == ("grey 0/255: 255 is object 1",)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((blobs() > 0).astype(np.uint8) * 255, blobs() > 0),
        (blobs(), blobs()),
        (blobs() * 100, blobs() * 100),
        ((blobs() > 0).astype(np.uint16) * 65535, blobs() > 0),
        (blobs().astype(np.uint16) * 1000, blobs().astype(np.uint16) * 1000),
        (blobs().astype(np.uint16), blobs()),
        (blobs() > 0, blobs() > 0),
        (
            np.where(blobs() == 2, 255, blobs()).astype(np.uint8),
            np.where(blobs() == 2, 255, blobs()),
        ),
    ],
)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_values(tmp_path, values, labels, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(values).save(path)
    read = read_mask(path)
    assert np.array_equal(read.labels, labels)
    assert read.labels.dtype == (np.uint16 if labels.max() > 255 else np.uint8)


def test_twenty_specks_of_one_pixel_are_twenty_objects(tmp_path):
    labels = np.zeros((H, W), np.uint8)
    labels[2::9, 2::12] = np.arange(1, 26).reshape(5, 5)
    labels[3::9, 2::12] = labels[2::9, 2::12]
    for scale in (1, 9):
        Image.fromarray(labels * scale).save(tmp_path / "a.png")
        assert np.array_equal(read_mask(tmp_path / "a.png").labels, labels * scale)


def test_rgb_colours_become_ids_and_it_is_said(tmp_path):
    rgb = np.zeros((H, W, 3), np.uint8)
    rgb[blobs() == 1], rgb[blobs() == 2] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    read = read_mask(tmp_path / "a.png")
    assert np.array_equal(read.labels, np.array([0, 2, 1], np.uint8)[blobs()])
    assert read.notes == ("colours mapped to ids: (0, 0, 255) -> 1, (255, 0, 0) -> 2",)
    read = read_mask(tmp_path / "a.png", LabelPolicy(colours={(255, 0, 0): 7, (0, 0, 255): 3}))
    assert np.array_equal(read.labels, np.array([0, 7, 3], np.uint8)[blobs()])


def test_colours_of_the_palette_keep_their_index(tmp_path):
    picture = Image.fromarray(blobs() * 5)
    picture.putpalette(DAVIS_PALETTE)
    picture.convert("RGB").save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png").labels, blobs() * 5)


def test_grey_saved_as_rgb_is_grey(tmp_path):
    Image.fromarray((blobs() > 0).astype(np.uint8) * 255).convert("RGB").save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png").labels, blobs() > 0)


def test_alpha(tmp_path):
    rgba = np.zeros((H, W, 4), np.uint8)
    rgba[blobs() == 1] = (255, 0, 0, 255)
    rgba[blobs() == 2] = (0, 255, 0, 0)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png").labels, blobs() == 1)
    rgba[..., :3] = np.random.default_rng(0).integers(0, 255, (H, W, 3))
    Image.fromarray(rgba).save(tmp_path / "b.png")
    cut_out = read_mask(tmp_path / "b.png")
    assert np.array_equal(cut_out.labels, blobs() == 1)
    assert "opaque" in cut_out.notes[0]
    rgba[3:5, :, 3] = 90
    Image.fromarray(rgba).save(tmp_path / "c.png")
    with pytest.raises(MaskError, match="semi-transparent"):
        read_mask(tmp_path / "c.png")
    opaque = Image.fromarray(blobs()).convert("LA")
    opaque.save(tmp_path / "d.png")
    assert np.array_equal(read_mask(tmp_path / "d.png").labels, blobs())


def jpeg_noise(rgb: np.ndarray) -> Image.Image:
    data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return Image.fromarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED)))


@pytest.mark.parametrize(
    "picture",
    [
        smooth_disc(),
        smooth_disc(fill=128),
        smooth_disc("RGB", (255, 0, 0)),
        smooth_disc().convert("P"),
        smooth_disc("RGB", (255, 120, 0)).quantize(16),
        Image.fromarray(cv2.GaussianBlur((blobs() > 0).astype(np.uint8) * 255, (3, 3), 0)),
        jpeg_noise(np.stack([(blobs() == i).astype(np.uint8) * 255 for i in range(3)], -1)),
    ],
    ids=["grey", "half", "rgb", "indexed", "quantised", "blurred", "jpeg-rgb"],
)
def test_soft_masks_are_refused_with_the_remedy(tmp_path, picture):
    picture.save(tmp_path / "a.png")
    with pytest.raises(MaskError, match=r"a\.png.*once a JPEG.*hard brush.*a mask is"):
        read_mask(tmp_path / "a.png")


@pytest.mark.parametrize("quality", [75, 90, 95, 100])
@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_the_noise_of_a_jpeg_is_not_many_objects(tmp_path, quality, mode):
    drawn = cv2.ellipse(np.zeros((H, W), np.uint8), (25, 20), (17, 11), 30, 0, 360, 255, -1)
    Image.fromarray(drawn).save(tmp_path / "a.jpg", quality=quality)
    with Image.open(tmp_path / "a.jpg") as picture:
        picture.convert(mode).save(tmp_path / "a.png")
    read = read_mask(tmp_path / "a.png")
    np.testing.assert_array_equal(read.labels, drawn > 0)
    assert "noise of a lossy compression" in read.notes[0]


@pytest.mark.parametrize("ends", [(16, 235), (0, 254), (3, 255)])
def test_black_and_white_of_video_are_background_and_object(tmp_path, ends):
    labels = (blobs() > 0).astype(np.uint8)
    Image.fromarray(np.array(ends, np.uint8)[labels]).save(tmp_path / "a.png")
    read = read_mask(tmp_path / "a.png")
    np.testing.assert_array_equal(read.labels, labels)
    assert read.notes == (f"grey {ends[0]} is the background, {ends[1]} object 1",)


@pytest.mark.parametrize("labels", [blobs() * 100, with_void(), np.where(with_void() == 1, 2, 0)])
def test_clean_ids_are_not_noise(tmp_path, labels):
    Image.fromarray(labels.astype(np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.png").labels, labels)


def test_stored_values_count_not_how_a_tiff_shows_them(tmp_path):
    for n, values in enumerate([blobs() > 0, (blobs() > 0) * np.uint8(255)]):
        Image.fromarray(values).save(tmp_path / f"{n}.tif")
        data = bytearray((tmp_path / f"{n}.tif").read_bytes())
        entry = data.index(struct.pack("<HHI", 262, 3, 1))
        data[entry + 8] = 0  # PhotometricInterpretation: 0 is white
        (tmp_path / f"{n}.tif").write_bytes(data)
        np.testing.assert_array_equal(read_mask(tmp_path / f"{n}.tif").labels, blobs() > 0)


def test_whole_numbers_of_a_float_tiff_are_ids(tmp_path):
    Image.fromarray(blobs().astype(np.float32)).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_mask(tmp_path / "a.tif").labels, blobs())


def test_orientation_tags_are_obeyed(tmp_path):
    picture, exif = Image.fromarray(np.rot90(blobs())), Image.Exif()
    picture.putpalette(DAVIS_PALETTE)
    exif[274] = 6  # shown turned clockwise by 90 degrees
    for name in ("a.png", "a.tif"):
        picture.save(tmp_path / name, exif=exif)
        np.testing.assert_array_equal(read_mask(tmp_path / name).labels, blobs())


def test_other_illegal_masks_say_what_was_found(tmp_path):
    Image.fromarray(blobs() * 100).save(tmp_path / "j.jpg")
    Image.fromarray(blobs() * 100).save(tmp_path / "j.png", "JPEG")
    Image.fromarray(blobs() * 0).save(tmp_path / "e.png")
    (tmp_path / "n.png").write_bytes(b"\x89PNG no more")
    (tmp_path / "0.png").touch()
    Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30)).save(tmp_path / "m.png")
    many = np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)
    Image.fromarray(many.repeat(4, 0).repeat(4, 1)).save(tmp_path / "c.png")
    Image.fromarray(blobs().astype(np.float32) / 2).save(tmp_path / "f.tif")
    whole = tmp_path / "t.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 9, (H, W), np.uint8)).save(whole)
    whole.write_bytes(whole.read_bytes()[:-300])
    pages = [Image.fromarray(blobs())] * 2
    pages[0].save(tmp_path / "p.tif", save_all=True, append_images=pages[1:])
    for name, message in [
        ("j.jpg", "is JPEG"),
        ("j.png", "is JPEG"),
        ("e.png", "no object"),
        ("n.png", "n.png is no picture; it cannot be read"),
        ("0.png", "0.png is empty"),
        ("m.png", "599 objects|anti-aliased"),
        ("c.png", "colours|anti-aliased"),
        ("f.tif", "no whole numbers"),
        ("t.png", "cannot be read as a mask"),
        ("p.tif", "2 pages"),
        ("absent.png", "cannot be read"),
    ]:
        with pytest.raises(MaskError, match=message) as caught:
            read_mask(tmp_path / name)
        assert name in str(caught.value)


def test_254_objects_are_legal_and_255_not(tmp_path):
    ids = np.arange(255, dtype=np.uint16).reshape(15, 17).repeat(4, 0).repeat(4, 1)
    write_mask(tmp_path / "a.png", ids)
    assert len(np.unique(read_mask(tmp_path / "a.png").labels)) == 255
    write_mask(tmp_path / "b.png", ids + 1)
    with pytest.raises(MaskError, match="255 objects"):
        read_mask(tmp_path / "b.png")


def test_fitting_never_mixes_ids():
    fitted = fit_mask(blobs() * 9, (H * 2 + 1, W // 2))
    assert fitted.shape == (H * 2 + 1, W // 2)
    assert set(np.unique(fitted)) == {0, 9, 18}
    assert np.array_equal(fit_mask(fit_mask(blobs(), (H * 3, W * 3)), (H, W)), blobs())


@pytest.fixture
def frames(tmp_path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for i in range(8):
        Image.fromarray(np.full((H, W, 3), i, np.uint8)).save(folder / f"img_{i}.png")
    return folder


def save_all(folder: Path, masks: dict[str, np.ndarray]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, values in masks.items():
        Image.fromarray(values).save(folder / name)
    return folder


def test_a_file_is_for_the_first_selected_frame(frames, tmp_path):
    write_mask(tmp_path / "mask.png", blobs())
    source = open_source(frames, start=2)
    masks, notes = read_annotations(tmp_path / "mask.png", source)
    assert list(masks) == [2]
    assert masks[2].ids == (1, 2)
    assert notes == ()
    write_mask(tmp_path / "img_5.png", blobs())
    assert "folder" in read_annotations(tmp_path / "img_5.png", source)[1][0]


def test_a_folder_names_frames(frames, tmp_path):
    folder = save_all(tmp_path / "m", {"img_4.png": blobs(), "img_0.png": blobs() * 3})
    masks, _ = read_annotations(folder, open_source(frames))
    assert list(masks) == [0, 4]
    assert masks[0].ids == (3, 6)
    save_all(folder, {"img_4.png": blobs() * 2})
    first, _ = read_annotations(folder, open_source(frames), only_first=True)
    assert {t: m.ids for t, m in first.items()} == {0: (3, 6), 4: (2, 4)}
    save_all(folder, {"img_4.png": blobs() * 3})
    assert list(read_annotations(folder, open_source(frames), only_first=True)[0]) == [0]
    masks, notes = read_annotations(folder, open_source(frames, start=3))
    assert list(masks) == [4]
    assert "1 masks" in notes[0]
    with pytest.raises(MaskError, match="no mask with an object"):
        read_annotations(folder, open_source(frames, start=5))


def test_names_that_are_no_frames_are_refused_with_examples(frames, tmp_path):
    folder = save_all(tmp_path / "m", {"img_40.png": blobs()})
    with pytest.raises(MaskError, match=r"img_40\.png.*img_0\.png, img_1\.png"):
        read_annotations(folder, open_source(frames))


def test_masks_of_a_nameless_source_are_named_by_index(tmp_path):
    pages = [Image.fromarray(np.full((H, W), i, np.uint8)) for i in range(5)]
    pages[0].save(tmp_path / "s.tif", save_all=True, append_images=pages[1:])
    source = open_source(tmp_path / "s.tif")
    folder = save_all(tmp_path / "m", {"00003.png": blobs(), "1.png": blobs()})
    assert list(read_annotations(folder, source)[0]) == [1, 3]
    save_all(folder, {"3.png": blobs()})
    with pytest.raises(MaskError, match="both for one frame"):
        read_annotations(folder, source)
    (folder / "3.png").rename(folder / "three.png")
    with pytest.raises(MaskError, match=r"00000\.png"):
        read_annotations(folder, source)


def test_frames_of_a_folder_agree_on_colours(frames, tmp_path):
    first, second = np.zeros((2, H, W, 3), np.uint8)
    first[blobs() == 1] = (255, 0, 0)
    second[blobs() == 1], second[blobs() == 2] = (255, 0, 0), (0, 0, 255)
    folder = save_all(tmp_path / "m", {"img_0.png": first, "img_3.png": second})
    masks, notes = read_annotations(folder, open_source(frames))
    assert masks[0].ids == (1,)
    assert np.array_equal(masks[3].labels, blobs())
    assert any("(0, 0, 255) -> 2" in note for note in notes)


def test_empty_masks_in_a_folder_say_nothing(frames, tmp_path):
    folder = save_all(tmp_path / "m", {"img_0.png": blobs(), "img_3.png": blobs() * 0})
    assert list(read_annotations(folder, open_source(frames))[0]) == [0]


def test_another_size_is_refused_or_fitted(frames, tmp_path):
    write_mask(tmp_path / "m.png", fit_mask(blobs(), (H * 2, W * 2)))
    source = open_source(frames)
    with pytest.raises(MaskError, match=r"120x80.*60x40.*`fit_masks`"):
        read_annotations(tmp_path / "m.png", source)
    masks, notes = read_annotations(tmp_path / "m.png", source, fit=True)
    assert np.array_equal(masks[0].labels, blobs())
    assert "resized to 60x40" in notes[0]
    write_mask(tmp_path / "lies.png", np.rot90(blobs()))
    for fit in (False, True):
        with pytest.raises(MaskError, match=r"40x60.*60x40.*turn it by 90 degrees"):
            read_annotations(tmp_path / "lies.png", source, fit=fit)
    with pytest.raises(MaskError, match="does not exist"):
        read_annotations(tmp_path / "absent", source)


def test_a_davis_root_gives_the_masks_of_the_sequence(tmp_path):
    images, masks = (tmp_path / d / "480p" / "dog" for d in ("JPEGImages", "Annotations"))
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for i in range(3):
        Image.fromarray(np.zeros((H, W, 3), np.uint8)).save(images / f"{i:05d}.jpg")
        write_mask(masks / f"{i:05d}.png", blobs())
    source = open_source(images)
    assert list(read_annotations(tmp_path, source)[0]) == [0, 1, 2]
    assert list(read_annotations(tmp_path, source, only_first=True)[0]) == [0]


def test_a_mask_that_may_be_inverted_is_hinted_at(tmp_path):
    (tmp_path / "frames").mkdir()
    Image.new("RGB", (W, H)).save(tmp_path / "frames/0.png")
    source = open_source(tmp_path / "frames")
    for name, labels in (("a.png", blobs() == 0), ("b.png", blobs() > 0)):
        Image.fromarray(labels).save(tmp_path / name)
    _, notes = read_annotations(tmp_path / "a.png", source)
    assert any("is the mask inverted?" in note for note in notes)
    assert read_annotations(tmp_path / "b.png", source)[1] == ()
