"""Detections of anyone: each format, what frames its names mean, and files that are damaged."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from propago.detections import Detections
from propago.errors import MaskError, PropagoError, PropagoWarning, SourceError
from propago.io.detection_sequence import DetectionSequence
from propago.io.formats import open_detections
from propago.io.masks import write_mask
from propago.io.rle import encode
from propago.io.source import Source

SIZE = (12, 16)


def source_of(stems=None, n=3):
    return Source("clip", Path("clip"), SIZE, None, n, range(n), lambda _: iter(()), stems)


def boxed(x0, y0, x1, y1):
    mask = np.zeros(SIZE, bool)
    mask[y0:y1, x0:x1] = True
    return mask


A, B = boxed(1, 2, 5, 6), boxed(8, 4, 14, 11)


def rle(mask):
    return {"size": list(SIZE), "counts": encode(mask[None])[0]["counts"]}


def write_json(path, content):
    path.write_text(json.dumps(content))
    return path


def coco_results(path):
    entries = [(4, A, 0.9, 1), (4, B, 0.5, 2), (6, B, 0.8, 2)]
    return write_json(
        path / "found.json",
        [
            {"image_id": i, "category_id": c, "score": s, "segmentation": rle(m)}
            for i, m, s, c in entries
        ],
    )


def coco_annotations(path):
    corners = [[8, 4, 14, 4, 14, 11, 8, 11]]
    return write_json(
        path / "found.json",
        {
            "images": [
                {"id": 70 + n, "file_name": f"set/img_{n}.jpg", "height": 12, "width": 16}
                for n in (4, 5, 6)
            ],
            "annotations": [
                {"id": 1, "image_id": 74, "category_id": 1, "segmentation": rle(A)},
                {"id": 2, "image_id": 74, "category_id": 2, "segmentation": corners},
                {"id": 3, "image_id": 76, "category_id": 2, "segmentation": corners},
            ],
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        },
    )


def youtube_vis_results(path):
    return write_json(
        path / "found.json",
        [
            {"video_id": 9, "category_id": 1, "score": 0.9, "segmentations": [rle(A), None, None]},
            {
                "video_id": 9,
                "category_id": 2,
                "score": 0.8,
                "segmentations": [rle(B), None, rle(B)],
            },
        ],
    )


def youtube_vis_annotations(path):
    names = [f"clip/img_{n}.jpg" for n in (4, 5, 6)]
    video = {"id": 1, "file_names": names, "height": 12, "width": 16}
    tracks = json.loads(youtube_vis_results(path).read_text())
    content = {"videos": [video], "annotations": [track | {"video_id": 1} for track in tracks]}
    return write_json(path / "found.json", content)


def mots(path):
    lines = [(4, 1001, 1, A), (4, 2001, 2, B), (6, 2001, 2, B), (6, 10000, 10, A)]
    text = "\n".join(f"{f} {i} {c} 12 16 {rle(m)['counts']}" for f, i, c, m in lines)
    (path / "found.txt").write_text(text)
    return path / "found.txt"


def yolo(path):
    (path / "labels").mkdir()
    ys, xs = np.array([4, 4, 11, 11]) / 12, np.array([8, 14, 14, 8]) / 16
    dog = "2 " + " ".join(f"{x} {y}" for x, y in zip(xs, ys, strict=True))
    cat = f"1 {3 / 16} {4 / 12} {4 / 16} {4 / 12} 0.75"
    (path / "labels" / "img_4.txt").write_text(f"{cat}\n{dog}\n")
    (path / "labels" / "img_6.txt").write_text(f"{dog} 0.5\n")
    return path


def label_maps(path):
    write_mask(path / "img_4_cp_masks.png", (A * 300 + B * 7).astype(np.uint16))
    write_mask(path / "img_5_cp_masks.png", np.zeros(SIZE, np.uint8))
    write_mask(path / "img_6_cp_masks.png", B.astype(np.uint8))
    return path


def label_stack(path):
    pages = [(A * 300 + B * 7).astype(np.uint16), np.zeros(SIZE, np.uint16), B.astype(np.uint16)]
    first, *more = map(Image.fromarray, pages)
    first.save(path / "found.tif", save_all=True, append_images=more)
    return path / "found.tif"


def label_array(path):
    np.save(path / "found.npy", np.array([A * 300 + B * 7, np.zeros(SIZE), B], np.int64))
    return path / "found.npy"


STEMS = ("img_4", "img_5", "img_6")


@pytest.mark.parametrize(
    "write",
    [
        coco_results,
        coco_annotations,
        youtube_vis_results,
        youtube_vis_annotations,
        mots,
        yolo,
        label_maps,
        label_stack,
        label_array,
    ],
)
def test_every_format_gives_the_same_detections(tmp_path, write):
    found = open_detections(write(tmp_path))
    frames, _ = found.by_frame(source_of(STEMS))
    assert set(frames) >= {0, 2}
    first, last = frames[0](SIZE), frames[2](SIZE)
    assert {mask.tobytes() for mask in first.masks} == {A.tobytes(), B.tobytes()}
    assert last.masks.tolist() == [B.tolist()]
    assert first.ids is None
    if write not in (label_maps, label_stack, label_array):
        assert dict(zip(first.classes.tolist(), map(int, first.boxes_xyxy[:, 0]), strict=True)) == {
            1: 1,
            2: 8,
        }
    if 1 in frames:
        assert not len(frames[1](SIZE))


def test_names_of_classes_come_along(tmp_path):
    assert open_detections(coco_annotations(tmp_path)).class_names == {1: "cat", 2: "dog"}
    (tmp_path / "found.json").unlink()
    yolo(tmp_path)
    (tmp_path / "classes.txt").write_text("ox\ncat\ndog\n")
    assert open_detections(tmp_path).class_names == {0: "ox", 1: "cat", 2: "dog"}


def nothing(size):
    return Detections.of_masks(np.zeros((0, *size), bool))


@pytest.mark.parametrize(
    ("names", "stems", "numbered", "first", "indices"),
    [
        (["img_4", "img_6"], STEMS, False, None, [0, 2]),
        (["img_4_seg", "img_6.labels"], STEMS, False, None, [0, 2]),
        (["4", "6"], STEMS, True, None, [0, 2]),
        (["1", "3"], ("a", "b", "c"), True, None, [0, 2]),
        (["0", "2"], ("a", "b", "c"), True, 1, [0, 2]),
        (["0", "2"], None, True, None, [0, 2]),
        (["1", "3"], None, True, None, [0, 2]),
        (["2", "3"], None, True, 1, [1, 2]),
        (["2"], None, True, None, [2]),
        (["00001", "00002"], None, False, None, [1, 2]),
        (["clip_1", "clip_3"], None, False, 1, [0, 2]),
        ([0, 2], STEMS, False, None, [0, 2]),
    ],
)
def test_which_frames_names_mean(names, stems, numbered, first, indices):
    found = DetectionSequence(
        Path("x"), dict.fromkeys(names, nothing), numbered=numbered, first_number=first
    )
    frames, _ = found.by_frame(source_of(stems))
    assert list(frames) == indices


def test_frames_that_the_source_has_not_are_said():
    found = DetectionSequence(Path("x"), {"img_4": nothing, "img_9": nothing})
    frames, notes = found.by_frame(source_of(STEMS))
    assert list(frames) == [0]
    assert "img_9 belong to no frame of clip" in notes[-1]


def test_two_for_one_frame_are_refused():
    found = DetectionSequence(Path("x"), {"img_4": nothing, "img_4_seg": nothing})
    with pytest.raises(SourceError, match="img_4 and img_4_seg are both of frame 0"):
        found.by_frame(source_of(STEMS))


@pytest.mark.parametrize("write", [coco_results, coco_annotations, youtube_vis_results])
def test_a_file_that_is_cut_off_is_said(tmp_path, write):
    path = write(tmp_path)
    path.write_text(path.read_text()[:-30])
    with pytest.raises(SourceError, match=r"no whole JSON file.*cut off"):
        open_detections(path)


@pytest.mark.parametrize(
    ("write", "was", "becomes", "error", "said"),
    [
        (
            coco_results,
            '"image_id"',
            '"image"',
            SourceError,
            "result 0: 'image_id' is",
        ),
        (coco_results, '"score": 0.9', '"score": NaN', MaskError, r"image 4: a confidence.*nan"),
        (coco_results, "[12, 16]", "[12, 17]", MaskError, r"image 4: result 0: the mask is \(12,"),
        (coco_annotations, '"height": 12', '"height": 24', MaskError, "img_4.jpg is 16x24, its"),
        (youtube_vis_results, ", null", "", MaskError, "one track has 1 segmentations"),
        (youtube_vis_results, '"video_id": 9, "category_id": 2', '"video_id": 8', SourceError, "2"),
        (youtube_vis_annotations, '"videos"', '"video_id"', SourceError, "'videos' is missing"),
        (mots, " 2001 ", " 2001.5 ", SourceError, "line 2: a line of MOTS"),
        (mots, " 12 16 ", " 16 12 ", MaskError, "frame 4"),
    ],
)
def test_damaged_files_say_where(tmp_path, write, was, becomes, error, said):
    path = write(tmp_path)
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, becomes))
    with pytest.raises(error, match=said):
        read_all(path)


def test_coco_that_lists_videos_is_no_youtube_vis(tmp_path):
    content = json.loads(coco_annotations(tmp_path).read_text())
    plain = read_all(tmp_path / "found.json")
    content = {"videos": [{"id": 1, "name": "clip"}]} | content
    for image in content["images"]:
        image |= {"video_id": 1, "frame_id": image["id"]}
    path = write_json(tmp_path / "found.json", content)
    for mine, other in zip(read_all(path), plain, strict=True):
        np.testing.assert_array_equal(mine.masks, other.masks)
    content["images"][0]["video_id"] = 2
    with pytest.raises(SourceError, match="holds 2 videos"):
        open_detections(write_json(path, content))


def test_images_that_cannot_be_told_apart_are_refused(tmp_path):
    content = json.loads(coco_annotations(tmp_path).read_text())
    content["images"][1]["file_name"] = "other/" + Path(content["images"][0]["file_name"]).name
    path = write_json(tmp_path / "found.json", content)
    with pytest.raises(SourceError, match="2 images of one video are called img_4"):
        open_detections(path)


@pytest.mark.parametrize(
    ("write", "field"), [(coco_annotations, "image_id"), (youtube_vis_annotations, "video_id")]
)
def test_what_belongs_to_nothing_that_is_listed_is_said(tmp_path, write, field):
    content = json.loads(write(tmp_path).read_text())
    content["annotations"][0][field] = 777
    path = write_json(tmp_path / "found.json", content)
    with pytest.warns(PropagoWarning, match=rf"left out 1 of \d .*whose {field}, such as 777"):
        found = open_detections(path)
    assert found.readers


def test_a_box_among_masks_is_refused(tmp_path):
    content = json.loads(coco_results(tmp_path).read_text())
    del content[1]["segmentation"]
    content[1]["bbox"] = [8, 4, 6, 7]
    path = write_json(tmp_path / "found.json", content)
    with pytest.raises(MaskError, match="image 4: result 1 has a box only"):
        read_all(path)


def read_all(path):
    frames, _ = open_detections(path).by_frame(source_of(STEMS))
    return [read(SIZE) for read in frames.values()]


def test_nan_boxes_say_where(tmp_path):
    boxes = [[1, 2, 4, 4], [1, float("nan"), 4, 4]]
    content = [{"image_id": 0, "category_id": 1, "bbox": box} for box in boxes]
    found = open_detections(write_json(tmp_path / "found.json", content))
    with pytest.raises(MaskError, match="image 0: a box is x0"):
        found.readers["0"](SIZE)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 0.5 0.5 0.2", "4 coordinates|2 coordinates"),
        ("cat 0.1 0.1 0.5 0.1 0.5 0.5", "could not convert"),
        ("1 10 10 50 10 50 50", "pixels, not shares"),
        ("1 nan 0.1 0.5 0.1 0.5 0.5", "not finite"),
    ],
)
def test_a_line_that_is_none_of_yolo_says_where(tmp_path, line, said):
    (tmp_path / "img_4.txt").write_text(f"{line}\n")
    frames, _ = open_detections(tmp_path).by_frame(source_of(STEMS))
    with pytest.raises(SourceError, match=rf"img_4.txt, line 1.*({said})"):
        frames[0](SIZE)


def test_polygons_reach_beyond_the_frame(tmp_path):
    (tmp_path / "img_4.txt").write_text("1 -0.5 -0.5 0.25 -0.5 0.25 0.5 -0.5 0.5\n")
    found = open_detections(tmp_path).readers["img_4"](SIZE)
    assert np.array_equal(found.masks[0], boxed(0, 0, 4, 6))


def test_label_maps_of_another_size_and_other_things_are_refused(tmp_path):
    label_maps(tmp_path)
    with pytest.raises(MaskError, match=r"img_4_cp_masks\.png is 16x12, its frame 17x12"):
        open_detections(tmp_path).readers["img_4_cp_masks"]((12, 17))
    with pytest.raises(SourceError, match="does not exist"):
        open_detections(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PropagoError, match="holds no detections: neither label maps"):
        open_detections(tmp_path / "empty")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((2, 3, 2)), r"holds \(2, 3, 2\) float64"),
        (np.full((2, *SIZE), -1), "frame 0: .* is no label map"),
        (np.zeros((2, 5, 6), int), "map 0 is 6x5, its frame 16x12"),
    ],
)
def test_arrays_that_are_no_stack_are_refused(tmp_path, values, said):
    np.save(tmp_path / "found.npy", values)
    with pytest.raises(PropagoError, match=said):
        read_all(tmp_path / "found.npy")


def test_white_alone_is_an_object(tmp_path):
    np.save(tmp_path / "found.npy", np.array([A * 255, B * 255], np.uint8))
    first, _ = read_all(tmp_path / "found.npy")
    assert first.masks.tolist() == [A.tolist()]
