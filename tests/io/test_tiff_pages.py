"""TIFFs of every layout against an independent writer: frames, stacks and masks."""

from itertools import product

import numpy as np
import pytest

from propago.errors import SourceError
from propago.io.masks import read_mask
from propago.io.stills import read_rgb
from propago.io.tiff_pages import read_page, tiff_pages
from propago.io.video import open_source

tifffile = pytest.importorskip("tifffile")

SIZE = 40, 70
LAYOUTS = [
    {"byteorder": order, "bigtiff": big, **cut, **packed}
    for order, big, cut, packed in product(
        "<>",
        (False, True),
        ({"tile": (16, 32)}, {"rowsperstrip": 7}),
        ({}, {"compression": "zlib"}, {"compression": "zlib", "predictor": True}),
    )
]


def drawn(dtype: str, channels: int) -> np.ndarray:
    top = 200 if dtype == "u1" else 60_000
    values = np.random.default_rng(0).integers(0, top, (*SIZE, channels))
    return values.astype(dtype)[..., 0] if channels == 1 else values.astype(dtype)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize(("dtype", "channels"), [("u1", 3), ("u2", 3), ("u2", 4), ("f4", 3)])
def test_colours_of_every_layout(tmp_path, dtype, channels, planes):
    values, path = drawn(dtype, channels), tmp_path / "a.tif"
    data = values if planes == "contig" else np.moveaxis(values, -1, 0)
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    for layout in LAYOUTS:
        if dtype == "f4" and layout.get("predictor"):
            continue
        tifffile.imwrite(path, data, photometric="rgb", planarconfig=planes, **extra, **layout)
        if dtype == "u1" and layout["bigtiff"] and layout["byteorder"] == ">":
            with pytest.raises(SourceError, match="cannot identify"):
                read_rgb(path)
            continue
        np.testing.assert_array_equal(read_rgb(path), values[..., :3], str(layout))


@pytest.mark.parametrize("dtype", ["u2", "i2", "u4", "f4"])
def test_grey_of_every_layout(tmp_path, dtype):
    values, path = drawn(dtype, 1), tmp_path / "a.tif"
    for layout in LAYOUTS:
        if dtype == "f4" and layout.get("predictor"):
            continue
        tifffile.imwrite(path, values, photometric="minisblack", **layout)
        read = read_page(path, tiff_pages(path)[0])
        np.testing.assert_array_equal(read, values, str(layout))
        assert read.dtype == values.dtype


@pytest.mark.parametrize("dtype", ["?", "u1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_masks_of_every_type_and_byte_order(tmp_path, dtype):
    labels = np.zeros(SIZE, dtype)
    labels[5:20, 5:30], labels[25:35, 40:60] = 1, 1 if dtype == "?" else 2
    for order, packed in product("<>", ({}, {"compression": "zlib"})):
        tifffile.imwrite(tmp_path / "m.tif", labels, byteorder=order, **packed)
        np.testing.assert_array_equal(read_mask(tmp_path / "m.tif").labels, labels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_orientation_of_frames(tmp_path, orientation, dtype):
    shown = drawn(dtype, 3)
    stored = shown.swapaxes(0, 1) if orientation >= 5 else shown
    rows = {3: -1, 4: -1, 6: 1, 7: -1, 8: 1}.get(orientation, 1)
    columns = {2: -1, 3: -1, 7: -1}.get(orientation, 1)
    stored = stored[::rows, ::columns]
    stored = stored[::-1] if orientation == 6 else stored[:, ::-1] if orientation == 8 else stored
    tag = [(274, "H", 1, orientation, True)]
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extratags=tag)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.tif"), shown)


def test_16_bit_colour_frames_and_pages_look_like_8_bit_ones(tmp_path):
    frames = [drawn("u1", 3) for _ in range(2)]
    wide = [frame.astype(np.uint16) * 257 for frame in frames]
    (tmp_path / "folder").mkdir()
    for n, frame in enumerate(wide):
        tifffile.imwrite(tmp_path / f"folder/{n}.tif", frame, photometric="rgb")
    tifffile.imwrite(tmp_path / "stack.tif", np.stack(wide), photometric="rgb")
    for source in (open_source(tmp_path / "folder"), open_source(tmp_path / "stack.tif")):
        seen = [frame.image.permute(1, 2, 0).numpy() for frame in source]
        assert len(seen) == 2
        np.testing.assert_allclose(seen[1] * 255, frames[1], atol=1e-3)


def test_a_thumbnail_is_no_page_and_a_stack_no_still(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(drawn("u2", 3), photometric="rgb")
        file.write(drawn("u1", 3)[::4, ::4], photometric="rgb", subfiletype=1)
    assert read_rgb(tmp_path / "a.tif").shape == (*SIZE, 3)
    with tifffile.TiffWriter(tmp_path / "b.tif") as file:
        for _ in range(3):
            file.write(drawn("u1", 1))
    with pytest.raises(SourceError, match=r"b\.tif holds 3 pages"):
        read_rgb(tmp_path / "b.tif")


def test_damage_is_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", drawn("u2", 3), photometric="rgb", compression="zlib")
    data = (tmp_path / "a.tif").read_bytes()
    for n in (3, 40, 200, len(data) // 2, len(data) - 200):
        (tmp_path / "cut.tif").write_bytes(data[:n])
        with pytest.raises(SourceError, match=r"cut\.tif"):
            read_rgb(tmp_path / "cut.tif")
