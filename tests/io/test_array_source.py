"""Pictures in memory as a source, and masks beside them."""

import numpy as np
import pytest
import torch
from PIL import Image

from propago.errors import MaskError, ShapeError, SourceError, UsageError
from propago.io.masks import read_mask
from propago.io.video import open_source
from propago.jobs.segment import segment
from propago.jobs.track import track
from propago.methods.first_mask.run import FirstMask
from propago.pipeline import Session

VIDEO = np.random.default_rng(0).integers(0, 256, (4, 20, 24, 3), np.uint8)
MASK = np.zeros((20, 24), np.int64)
MASK[5:9, 3:8] = 2


@pytest.mark.parametrize("pictures", [VIDEO, list(VIDEO)])
def test_pictures_in_memory_are_frames(pictures):
    source = open_source(pictures, start=1, every=2)
    assert (source.size, source.frame_count, source.named) == ((20, 24), 2, False)
    frames = list(source)
    assert [frame.index for frame in frames] == [1, 3]
    np.testing.assert_allclose(frames[1].image.permute(1, 2, 0) * 255, VIDEO[3], atol=1e-4)


def test_grey_pictures_of_16_bits_are_stretched_as_those_of_files_are():
    grey = VIDEO[..., 0].astype(np.uint16) * 3 + 300
    source = open_source(grey)
    image = next(iter(source)).image
    assert source.contrast[0] > 250
    assert (image[0] == image[2]).all()


@pytest.mark.parametrize(
    "pictures", [VIDEO[:0], VIDEO[0, 0], list(VIDEO[..., :2]), [None], iter(VIDEO)]
)
def test_what_is_no_picture_is_refused(pictures):
    with pytest.raises(SourceError, match=r"`source` .*\(T, H, W, 3\)"):
        open_source(pictures)


def test_a_picture_of_another_size_is_refused_where_it_comes():
    with pytest.raises(SourceError, match="picture 1"):
        list(open_source([VIDEO[0], VIDEO[1, :10]]))


@pytest.mark.parametrize("masks", [MASK, {0: MASK}, {0: MASK, 2: MASK * 0}])
def test_a_run_on_pictures_and_masks_in_memory(masks, tmp_path):
    result = segment(VIDEO, masks, method=FirstMask(), out=tmp_path / "out")
    assert (result.frames, result.ids) == (4, (2,))
    np.testing.assert_array_equal(read_mask(result.masks / "00003.png").labels, MASK)


def test_ids_from_255_on_are_no_void(tmp_path):
    result = segment(VIDEO, MASK // 2 * 255, method=FirstMask(), out=tmp_path / "out")
    assert result.ids == (255,)


@pytest.mark.parametrize(
    ("masks", "says"),
    [
        (MASK[:9], "frame 0 in `masks` is .9, 24."),
        ({7: MASK}, "frame 7 in `masks` is for no frame"),
        (-MASK, "whole numbers to 65535"),
        (MASK / 2, "float64"),
    ],
)
def test_masks_that_do_not_fit_are_refused(masks, says, tmp_path):
    with pytest.raises(MaskError, match=says):
        segment(VIDEO, masks, method=FirstMask(), out=tmp_path / "out")


@pytest.mark.parametrize(
    ("masks", "came"),
    [
        (torch.from_numpy(MASK), "Tensor"),
        ([MASK], "ndarray"),
        (Image.fromarray(MASK.astype(np.uint8)), "Image"),
        (3, "int"),
    ],
)
def test_masks_that_are_none_are_named(masks, came, tmp_path):
    with pytest.raises(MaskError, match=f"`masks` hold {came}; they are a file or folder"):
        segment(VIDEO, masks, method=FirstMask(), out=tmp_path / "out")


def test_white_alone_is_void_and_it_is_said(tmp_path):
    white = (MASK > 0) * np.uint8(255)
    for masks in (white, {0: white, 2: white}):
        with pytest.raises(MaskError, match=r"255 is void in uint8.*give `mask > 0`"):
            segment(VIDEO, masks, method=FirstMask(), out=tmp_path / "out")
    with pytest.raises(MaskError, match="255 is void in uint8"):
        Session(FirstMask()).step(VIDEO[0], white)
    assert segment(VIDEO, white > 0, method=FirstMask(), out=tmp_path / "out").ids == (1,)


def test_a_session_names_what_is_no_picture_and_no_mask():
    with pytest.raises(ShapeError, match=r"a picture is an .* array.*this is Image"):
        Session(FirstMask()).step(Image.fromarray(VIDEO[0]))  # pyright: ignore[reportArgumentType]
    with pytest.raises(MaskError, match="this is Tensor"):
        Session(FirstMask()).step(VIDEO[0], torch.from_numpy(MASK))  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="`method` is the class FirstMask: give an object"):
        Session(FirstMask)  # pyright: ignore[reportArgumentType]


def test_detections_and_pictures_in_memory(tmp_path):
    result = track(VIDEO, [MASK] * 4, out=tmp_path / "out")
    assert (result.frames, result.classes) == (4, {"object": 1})
