"""CVAT, Label Studio and LabelMe: files as these programs write them."""

import json
from base64 import b64encode
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from propago.errors import MaskError, SourceError
from propago.io.brush_rle import decode_brush, encode_brush
from propago.io.conversion import read_videos, sniffed

CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<meta><task><size>4</size><start_frame>0</start_frame>
<original_size><width>6</width><height>4</height></original_size></task></meta>
<track id="0" label="dog" source="manual">
  <mask frame="1" keyframe="1" outside="0" rle="1, 2, 2, 1" left="2" top="1" width="3" height="2"/>
  <mask frame="2" keyframe="1" outside="1" rle="0, 6" left="2" top="1" width="3" height="2"/>
</track>
<track id="1" label="cat"><box frame="1" outside="0" xtl="0" ytl="0" xbr="2" ybr="1"/>
  <polygon frame="2" outside="0" points="0,0;3,0;3,2;0,2"/></track>
</annotations>"""


def test_cvat_tracks_have_masks_boxes_and_polygons_by_frame(tmp_path):
    (tmp_path / "a.xml").write_text(CVAT)
    assert sniffed(tmp_path / "a.xml") == "cvat"
    (video,) = read_videos(tmp_path / "a.xml", "cvat")
    assert list(video.readers) == ["00000", "00001", "00002", "00003"]
    assert [f.labels().tolist() for _, f in video][1:3] == [
        [[2, 2, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 0], [0] * 6],
        [[2, 2, 2, 0, 0, 0], [2, 2, 2, 0, 0, 0], [0] * 6, [0] * 6],
    ]
    found = video.readers["00001"]()
    assert [video.class_name(one.class_id) for one in found.instances] == ["dog", "cat"]


def test_cvat_images_have_names(tmp_path):
    (tmp_path / "a.xml").write_text(
        '<annotations><image id="0" name="x/f1.png" width="3" height="2"><mask label="dog" '
        'rle="0, 2" left="1" top="1" width="2" height="1" group_id="5"/></image></annotations>'
    )
    (video,) = read_videos(tmp_path / "a.xml", "cvat")
    assert {n: f.labels().tolist() for n, f in video} == {"f1": [[0, 0, 0], [0, 5, 5]]}


@pytest.mark.parametrize("wrong", ['rle="1, 2"', 'left="5"'])
def test_a_mask_that_its_frame_cannot_hold_is_refused(tmp_path, wrong):
    key = wrong.split("=")[0]
    said = {"rle": 'rle="1, 2, 2, 1"', "left": 'left="2"'}[key]
    (tmp_path / "a.xml").write_text(CVAT.replace(said, wrong, 1))
    (video,) = read_videos(tmp_path / "a.xml", "cvat")
    with pytest.raises(MaskError, match="frame 1, object 1"):
        video.readers["00001"]()


def test_xml_that_is_cut_off_is_refused(tmp_path):
    (tmp_path / "a.xml").write_text(CVAT[:300])
    with pytest.raises(SourceError, match="no XML of CVAT"):
        read_videos(tmp_path / "a.xml", "cvat")


def test_the_brush_of_a_pixel_by_hand():
    """8 values, words of 8 bits, sizes 3, 4, 8, 16; four times 0 and four times 255."""
    packed = encode_brush(np.array([[False, True]]))
    bits = "".join(f"{byte:08b}" for byte in packed)
    head = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    assert bits.rstrip("0") == (head + "1" + "00" + "011" + "0" * 8 + "1" + "00" + "011" + "1" * 8)


def test_values_that_are_listed_one_by_one_are_read():
    head = f"{8:032b}" + "00111" + "0010" + "0011" + "0111" + "1111"
    values = "".join(f"{v:08b}" for v in (1, 2, 3, 0, 9, 9, 9, 200))
    bits = head + "0" + "00" + "111" + values
    bits += "0" * (-len(bits) % 8)
    packed = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    assert decode_brush(packed, (1, 2)).tolist() == [[False, True]]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 600), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_brushes_come_back(height, width, share, seed):
    mask = np.random.default_rng(seed).random((height, width)) < share**3
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), mask.shape), mask)


def test_a_run_longer_than_16_bits_is_cut():
    mask = np.ones((200, 200), bool)
    mask[150, 3] = False
    np.testing.assert_array_equal(decode_brush(encode_brush(mask), (200, 200)), mask)


def test_label_studio_tasks_are_frames(tmp_path):
    mask = np.array([[False, True, True], [False, False, True]])
    about = {"original_width": 3, "original_height": 2}
    value = {"format": "rle", "rle": encode_brush(mask), "brushlabels": ["dog"]}
    corners = [[0, 0], [100 / 3, 0], [100 / 3, 100], [0, 100]]
    brush = {"id": "aB3", "type": "brushlabels", "value": value, **about}
    value = {"points": corners, "polygonlabels": ["cat"]}
    polygon = {"id": "x", "type": "polygonlabels", "value": value, **about}
    choice = {"id": "y", "type": "choices", "value": {"choices": ["good"]}}
    tasks = [
        {
            "data": {"image": "/data/upload/1/f7.jpg"},
            "annotations": [{"result": [brush, choice, polygon]}],
        },
        {"data": {"image": "/data/upload/1/f8.jpg"}, "annotations": []},
    ]
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    assert sniffed(tmp_path / "a.json") == "label-studio"
    (video,) = read_videos(tmp_path / "a.json", "label-studio")
    assert {n: f.labels().tolist() for n, f in video} == {
        "f7": [[2, 1, 1], [2, 0, 1]],
        "f8": [[0, 0, 0], [0, 0, 0]],
    }
    found = video.readers["f7"]()
    assert [video.class_name(one.class_id) for one in found.instances] == ["dog", "cat"]


def test_labelme_shapes_of_a_group_are_one_object(tmp_path):
    picture = BytesIO()
    Image.fromarray(np.array([[255, 0], [255, 255]], np.uint8)).save(picture, "PNG")
    mask = {"shape_type": "mask", "points": [[1, 0], [2, 1]], "label": "dog", "group_id": 4}
    mask["mask"] = b64encode(picture.getvalue()).decode()
    shapes = [
        mask,
        {"shape_type": "rectangle", "points": [[3, 0], [4, 1]], "label": "dog", "group_id": 4},
        {"shape_type": "polygon", "points": [[0, 1], [1, 1], [1, 2], [0, 2]], "label": "cat"},
    ]
    content = {"version": "5.5.0", "shapes": shapes, "imageHeight": 2, "imageWidth": 4}
    (tmp_path / "f1.json").write_text(json.dumps(content))
    assert sniffed(tmp_path) == "labelme"
    (video,) = read_videos(tmp_path, "labelme")
    assert [f.labels().tolist() for _, f in video] == [[[0, 4, 0, 4], [1, 4, 4, 0]]]
    shapes[1]["shape_type"] = "line"
    (tmp_path / "f1.json").write_text(json.dumps(content))
    with pytest.raises(MaskError, match="a line has no inside"):
        read_videos(tmp_path, "labelme")[0].readers["f1"]()
