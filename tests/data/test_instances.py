"""Pictures with classes: what is read of COCO and DAVIS files, pieces, what is unknown."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from propago.data.instance_sets import instances_of_coco, of_one_class
from propago.data.instances import UNKNOWN, InstancePieces, InstanceStill, example_of, piece
from propago.data.sources import ingredients, with_held_out
from propago.data.stills import Still
from propago.errors import SourceError, UsageError


def rectangle(x0, y0, x1, y1):
    return [[x0, y0, x1, y0, x1, y1, x0, y1]]


@pytest.fixture
def coco(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "b.jpg"), np.full((60, 80, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "images" / "a.jpg"), np.full((60, 80, 3), 90, np.uint8))
    crowd = {"counts": [40 * 60, 40 * 60], "size": [60, 80]}
    rows = [
        {"category_id": 17, "iscrowd": 0, "segmentation": rectangle(5, 5, 25, 35)},
        {"category_id": 1, "iscrowd": 0, "segmentation": rectangle(10, 10, 20, 20)},
        {"category_id": 1, "iscrowd": 1, "segmentation": crowd},
    ]
    content = {
        "images": [
            {"id": 7, "file_name": "b.jpg", "height": 60, "width": 80},
            {"id": 3, "file_name": "a.jpg", "height": 60, "width": 80},
        ],
        "annotations": [{"image_id": 7, "area": 1, **row} for row in rows],
    }
    (tmp_path / "instances.json").write_text(json.dumps(content))
    return tmp_path


def test_coco_keeps_classes_crowds_are_unknown_and_the_smaller_is_in_front(coco):
    empty, full = instances_of_coco(coco)
    assert (empty.image.name, full.image.name) == ("a.jpg", "b.jpg")
    assert not empty.read()[1].any()
    image, ids = full.read()
    assert (image.shape, ids.dtype) == ((60, 80, 3), np.uint16)
    assert (ids[15, 15], ids[30, 15], ids[2, 2]) == (2, 1, 0)
    assert (ids[:, 40:] == UNKNOWN).all()
    example = example_of(image, ids, full)
    assert example.classes.tolist() == [17, 1]
    assert example.boxes_xyxy.tolist() == [[5, 5, 25, 35], [10, 10, 20, 20]]
    assert (example.ids[:, 40:] == -1).all()
    assert example.labelled is None


def test_no_file_of_coco_is_said(tmp_path):
    with pytest.raises(SourceError, match=r"instances\.json does not exist"):
        instances_of_coco(tmp_path)


def test_specks_and_void_are_unknown():
    ids = np.zeros((20, 20), np.uint16)
    ids[:3, :6], ids[5:10, 5:10], ids[12:] = 4, 9, UNKNOWN
    still = InstanceStill(Path("x.jpg"), lambda: ids, {4: 1, 9: 3})
    example = example_of(np.zeros((20, 20, 3), np.uint8), ids, still)
    assert example.classes.tolist() == [3]
    assert (example.ids[:3, :6] == -1).all()
    assert (example.ids[12:] == -1).all()
    assert (example.ids[5:10, 5:10] == 1).all()


@pytest.mark.parametrize("full", [(40, 40), (90, 200), (300, 120)])
def test_a_piece_keeps_picture_and_ids_together(full):
    rng = np.random.default_rng(0)
    ids = np.zeros(full, np.uint16)
    ids[full[0] // 4 : full[0] // 2, full[1] // 3 : full[1] // 2] = 300
    image = np.where(ids[..., None] == 300, 255, 0).astype(np.uint8).repeat(3, 2)
    for _ in range(5):
        picture, own = piece(rng, image, ids, (96, 128), stretch=0.3)
        assert (picture.shape, own.shape) == ((96, 128, 3), (96, 128))
        assert np.mean((picture[..., 0] > 140) == (own == 300)) > 0.98


def test_pieces_are_the_same_for_the_same_chance_and_show_an_instance(coco):
    pieces = InstancePieces(instances_of_coco(coco), (96, 96))
    first, again = (pieces.sample(np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert len(first.classes)
    assert first.ids.max() == len(first.classes)
    with pytest.raises(SourceError, match="at least one picture"):
        InstancePieces([], (32, 32))


def test_a_set_of_one_class_says_which(tmp_path):
    still = Still(tmp_path / "x.jpg", lambda: np.zeros((4, 4), np.uint8))
    (cat,) = of_one_class([still], tmp_path / "cats", "")
    assert (cat.class_of(5), cat.labelled) == (17, {17})
    (nucleus,) = of_one_class([still], tmp_path / "nuclei", "")
    assert nucleus.labelled is None
    with pytest.raises(UsageError, match=r"label = 'kitten': .* one of person"):
        of_one_class([still], tmp_path, "kitten")


def test_what_is_held_out_is_no_part_of_the_training(tmp_path):
    for kind in ("images", "masks"):
        (tmp_path / "stills/cats" / kind).mkdir(parents=True)
    mask = np.zeros((30, 30), np.uint8)
    mask[5:20, 5:20] = 1
    for n in range(20):
        cv2.imwrite(
            str(tmp_path / f"stills/cats/images/{n:02d}.jpg"), np.zeros((30, 30, 3), np.uint8)
        )
        Image.fromarray(mask).save(tmp_path / f"stills/cats/masks/{n:02d}.png")
    table = {"cats": 1.0, "coco": 1.0, "synthetic": 1.0}
    (line,) = with_held_out(table)
    trained = {one.image.stem for one in ingredients(table)[0].opened(tmp_path).instances()}
    held_out = {one.image.stem for one in line.held_out(tmp_path).instances()}
    assert held_out == {"09", "19"}
    assert len(trained) == 18
    assert not trained & held_out
