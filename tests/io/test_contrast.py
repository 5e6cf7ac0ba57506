"""What becomes black and white in frames of more than 8 bits, and which pages are frames."""

import json
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from propago.cli import main
from propago.errors import PropagoWarning, SourceError, UsageError
from propago.io.pictures import save_frame
from propago.io.video import VideoWriter, open_source
from segment_runs import run

tifffile = pytest.importorskip("tifffile")

SIZE = 40, 60
TRUTH = (np.arange(2400).reshape(SIZE) // 60 % 20 / 19).astype(np.float64)


def stack(path, pages, **noted):
    tifffile.imwrite(path, np.stack(pages), photometric="minisblack", **noted)
    return path


def seen(source) -> np.ndarray:
    return np.stack([frame.image[0].numpy() for frame in source])


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (0, 1000, "u2"),
        (32768, 33981, "u2"),
        (-1200, 900, "i2"),
        (100_000, 900_000, "u4"),
        (-0.25, 3.5, "f4"),
        (0, 1, "f4"),
        (0, 65_535, "u2"),
    ],
)
@pytest.mark.parametrize("form", ["stack", "folder"])
def test_frames_of_any_numbers_look_like_8_bit_ones(tmp_path, low, high, dtype, form):
    """The last frame alone has a hot pixel, and the first is dark."""
    pages = [(low + (high - low) * TRUTH * n / 5).astype(dtype) for n in (0, 1, 3, 5)]
    hot = np.iinfo(dtype).max if dtype[0] != "f" else 1e30
    pages[3][3, 5] = hot
    place = tmp_path / form
    if form == "stack":
        place = stack(tmp_path / "a.tif", pages)
    else:
        place.mkdir()
        for n, page in enumerate(pages):
            tifffile.imwrite(place / f"{n}.tif", page)
    source = open_source(place)
    found = seen(source)
    wanted = np.stack([TRUTH * n / 5 for n in (0, 1, 3, 5)])
    wanted[3, 3, 5] = 1
    assert np.abs(found - wanted).max() < 0.03
    assert found.min() >= 0
    assert found.max() <= 1
    whole = (low, high, dtype) == (0, 65_535, "u2")
    assert len(source.notes) == (not whole)
    assert whole or ("becomes black" in source.notes[0] and "`contrast`" in source.notes[0])


def test_few_levels_of_a_16_bit_png(tmp_path):
    Image.fromarray((TRUTH * 1000).astype(np.uint16)).save(tmp_path / "0.png")
    source = open_source(tmp_path)
    assert source.contrast == (0, 1023)
    assert abs(seen(source)[0].max() - 1000 / 1023) < 1e-3


def test_numbers_that_are_none_are_black(tmp_path):
    page = TRUTH.astype(np.float32)
    page[2, 2] = np.nan
    assert seen(open_source(stack(tmp_path / "a.tif", [page])))[0, 2, 2] == 0


def test_flat_frames_have_a_contrast(tmp_path):
    for value in (0, 500):
        flat = stack(tmp_path / "a.tif", [np.full(SIZE, value, np.uint16)])
        found = seen(open_source(flat))
        assert np.isfinite(found).all()


def test_contrast_is_what_is_asked_for(tmp_path):
    pages = stack(tmp_path / "a.tif", [np.array([[0, 100, 150, 200, 300]], np.uint16)])
    source = open_source(pages, contrast=(100, 200))
    np.testing.assert_allclose(seen(source)[0], [[0, 0, 0.5, 1, 1]])
    assert source.contrast == (100, 200)
    assert source.notes == ()
    with VideoWriter(tmp_path / "a.mp4", (16, 16), Fraction(5)) as video:
        video.write(np.full((16, 16, 3), 120, np.uint8))
    assert abs(seen(open_source(tmp_path / "a.mp4", contrast=(100, 200))).mean() - 0.2) < 0.02
    for wrong in ((3, 3), (5, 1), (0, np.inf)):
        with pytest.raises(UsageError, match="`contrast`"):
            open_source(pages, contrast=wrong)


def test_segment_records_the_contrast_and_resumes_with_no_other(tmp_path):
    (tmp_path / "frames").mkdir()
    for n in range(3):
        Image.fromarray((TRUTH * 300).astype(np.uint16)).save(tmp_path / f"frames/{n}.png")
    Image.fromarray((TRUTH > 0.5).astype(np.uint8)).save(tmp_path / "first.png")
    result = run(tmp_path)
    record = json.loads((tmp_path / "out/run.json").read_text())
    assert record["inputs"]["contrast"] == [0, 300]
    assert any("300 white" in note for note in result.notes)
    assert list(result.notes) == record["notes"]
    with pytest.raises(UsageError, match="contrast"):
        run(tmp_path, resume=True, contrast=(0, 600))


def test_frame_says_what_became_white(tmp_path):
    stack(tmp_path / "a.tif", [(TRUTH * 300).astype(np.uint16)] * 2)
    with pytest.warns(PropagoWarning, match="300 white"):
        save_frame(tmp_path / "a.tif", 1, tmp_path / "a.png")
    save_frame(tmp_path / "a.tif", 1, tmp_path / "b.png", contrast=(0, 600))
    assert np.asarray(Image.open(tmp_path / "b.png")).max() == 128


def test_contrast_is_one_word_of_the_command_line(tmp_path, capsys):
    stack(tmp_path / "a.tif", [(TRUTH * 300).astype(np.uint16)])
    words = ["frame", str(tmp_path / "a.tif"), "--out", str(tmp_path / "c.png"), "--contrast"]
    assert main([*words, "0,600"]) == 0
    assert main([*words, "600,0", "--overwrite"]) == 2
    assert "--contrast is (600.0, 0.0)" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main([*words, "high"])
    assert stop.value.code == 2


def imagej(path, pages, **noted):
    tifffile.imwrite(path, pages, imagej=True, metadata=noted)
    return path


def ome(path, pages, **noted):
    tifffile.imwrite(path, pages, ome=True, metadata=noted)
    return path


def plain(path, pages, **noted):
    tifffile.imwrite(path, pages, photometric="minisblack", metadata=noted)
    return path


@pytest.mark.parametrize(
    ("write", "axes"), [(imagej, "TCYX"), (ome, "TCYX"), (ome, "CTYX"), (plain, "CTYX")]
)
def test_channels_are_no_frames(tmp_path, write, axes):
    pages = np.zeros((4, 2, *SIZE), np.uint8)
    pages[:, 0], pages[:, 1] = 10 * np.arange(1, 5)[:, None, None], 200
    stored = pages if axes == "TCYX" else pages.swapaxes(0, 1)
    path = write(tmp_path / "a.ome.tif", stored, axes=axes)
    source = open_source(path)
    assert source.frame_count == 4
    np.testing.assert_allclose(seen(source)[:, 0, 0] * 255, [10, 20, 30, 40], atol=1e-4)
    assert "2 channels" in source.notes[0]
    second = open_source(path, channel=2)
    np.testing.assert_allclose(seen(second)[:, 0, 0] * 255, 200, atol=1e-4)
    assert second.notes == ()
    with pytest.raises(UsageError, match="2 channels, counted from 1"):
        open_source(path, channel=3)


def test_channels_of_files_that_are_frames(tmp_path):
    for n in range(3):
        pages = np.stack([np.full(SIZE, v, np.uint8) for v in (n, 50 + n)])
        imagej(tmp_path / f"{n}.tif", pages, axes="CYX")
    assert len(open_source(tmp_path).notes) == 1
    values = seen(open_source(tmp_path, channel=2))[:, 0, 0] * 255
    np.testing.assert_allclose(values, [50, 51, 52], atol=1e-4)


def test_slices_are_frames_but_not_beside_times(tmp_path):
    imagej(tmp_path / "z.tif", np.zeros((5, *SIZE), np.uint8), axes="ZYX")
    assert open_source(tmp_path / "z.tif").frame_count == 5
    imagej(tmp_path / "tz.tif", np.zeros((3, 5, *SIZE), np.uint8), axes="TZYX")
    with pytest.raises(SourceError, match="3 times of 5 slices"):
        open_source(tmp_path / "tz.tif")


def test_what_has_no_channels(tmp_path):
    stack(tmp_path / "a.tif", [np.zeros(SIZE, np.uint8)] * 3)
    with pytest.raises(UsageError, match="1 channel"):
        open_source(tmp_path / "a.tif", channel=2)
    (tmp_path / "f").mkdir()
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(tmp_path / "f/0.png")
    with pytest.raises(UsageError, match="TIFFs of several channels"):
        open_source(tmp_path / "f", channel=1)


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("order", "<>")
def test_pages_behind_the_only_directory(tmp_path, dtype, order):
    """ImageJ lists one page of a stack beyond 4 GB; tifffile does where it truncates."""
    pages = (np.arange(6)[:, None, None] * 40 + TRUTH * 9).astype(dtype)
    noted = {"photometric": "minisblack", "byteorder": order, "metadata": None}
    said = "ImageJ=1.53t\nimages=6\nchannels=2\nframes=3\nhyperstack=true\n"
    tifffile.imwrite(tmp_path / "a.tif", pages[0], description=said, **noted)
    with (tmp_path / "a.tif").open("ab") as file:
        file.write(pages[1:].astype(np.dtype(dtype).newbyteorder(order)).tobytes())
    source = open_source(tmp_path / "a.tif", contrast=(0, 255))
    np.testing.assert_allclose(seen(source) * 255, pages[::2], atol=1e-4)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[:-1])
    with pytest.raises(SourceError, match="cut off"):
        open_source(tmp_path / "a.tif")
