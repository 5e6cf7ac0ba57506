"""`reproduce` of detectors: one that sees colours, on pictures whose instances have colours."""

import json

import numpy as np
import pytest
import torch

from propago.cli import main
from propago.detections import Detections
from propago.errors import SourceError, UsageError
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.io.rle import encode
from propago.papers import held_out
from propago.papers.options import ReproduceOptions
from propago.papers.reproduce import reproduce

COLOURS = {1: (250, 0, 0), 17: (0, 250, 0)}
PERSON, CAT = COLOURS


class Colours:
    """Sees each class as one instance; says that a cat it sees is a person, if it is `confused`."""

    device = torch.device("cpu")

    def __init__(self, name, confused=False):
        self.confused, self.looked = confused, 0
        said = {"detector": name, "preset": "compact", "size": 320, "weights": "w"}
        self.description = {**said, "weights_sha256": "0" * 64}

    def __call__(self, frame):
        self.looked += 1
        image = (frame.image * 255).round().byte().permute(1, 2, 0).numpy()
        masks = np.array([(image == colour).all(2) for colour in COLOURS.values()])
        there = np.flatnonzero(masks.any((1, 2)))
        classes = np.array([PERSON if self.confused else c for c in COLOURS])[there]
        found = Detections.of_masks(masks[there], classes, np.full(len(there), 0.9))
        embeddings = np.eye(2)[there] * 9
        return Detections(found.boxes_xyxy, classes, found.confidence, found.masks, embeddings)


@pytest.fixture
def detectors(monkeypatch):
    made = {}

    def loaded(table, name, argument, **settings):
        return made.setdefault(name, Colours(name, confused=name == "bridging"))

    monkeypatch.setattr(held_out, "load_component", loaded)
    return made


def masks_at(shift):
    """(2, 48, 64): a person, and a cat that moves."""
    masks = np.zeros((2, 48, 64), bool)
    masks[0, 4:40, 6:20] = True
    masks[1, 20:40, 24 + shift : 44 + shift] = True
    return masks


def drawn(masks):
    image = np.zeros((48, 64, 3), np.uint8)
    for mask, colour in zip(masks, COLOURS.values(), strict=True):
        image[mask] = colour
    return image


@pytest.fixture
def coco(tmp_path):
    content = {"images": [], "annotations": [], "categories": [{"id": c} for c in COLOURS]}
    (tmp_path / "coco/images").mkdir(parents=True)
    for n in range(2):
        masks = masks_at(n)
        write_picture(tmp_path / f"coco/images/{n}.png", drawn(masks))
        content["images"].append({"id": n, "file_name": f"{n}.png", "height": 48, "width": 64})
        content["annotations"] += [
            {"image_id": n, "category_id": c, "iscrowd": 0, "segmentation": rle}
            for c, rle in zip(COLOURS, encode(masks), strict=True)
        ]
    (tmp_path / "coco/instances.json").write_text(json.dumps(content))
    return tmp_path / "coco"


@pytest.fixture
def davis(tmp_path):
    root = tmp_path / "davis"
    for kind in ("JPEGImages", "Annotations"):
        (root / kind / "480p/yard").mkdir(parents=True)
    for t in range(4):
        masks = masks_at(3 * t)
        write_picture(root / "JPEGImages/480p/yard" / f"{t:05d}.png", drawn(masks))
        labels = masks[0] * np.uint8(1) + masks[1] * np.uint8(2)
        write_mask(root / "Annotations/480p/yard" / f"{t:05d}.png", labels)
    (root / "ImageSets").mkdir()
    (root / "ImageSets/val.txt").write_text("yard")
    (root / "classes.json").write_text(json.dumps({"yard": {"1": "person", "2": "cat"}}))
    return root


def test_mask_ap_of_what_is_right_is_one(coco, detectors, tmp_path):
    options = ReproduceOptions(out=tmp_path / "out")
    made = reproduce("mask-rcnn", 1, coco, options)
    (line,) = made.table.lines
    assert line.name == "coco (2)"
    assert line.ours[:3] == pytest.approx((1, 1, 1))
    assert line.paper[0] == 0.357
    assert (
        "Ours: mask_rcnn compact, short side 320 px, weights w, 000000000000." in made.table.notes
    )
    assert made.csv.read_text().startswith("row,sequence,AP ours")
    looked = detectors["mask_rcnn"].looked
    assert reproduce("mask-rcnn", 1, coco, options) == made
    assert detectors["mask_rcnn"].looked == looked
    one = reproduce("mask-rcnn", 1, coco, ReproduceOptions(out=tmp_path / "one", every=2))
    assert one.table.lines[0].name == "coco (1)"


def test_one_class_of_two_wrong_is_half(coco, detectors, tmp_path):
    """The cats of `bridging` are persons: of person, cat, person, cat, alike sure, the AP is
    1/2 of 1 and 1/2 of 2/3; no cat is found.
    """
    instances = reproduce("bridging", 2, coco, ReproduceOptions(out=tmp_path / "out")).table
    bridging, mask_rcnn = instances.lines
    assert bridging.name == "Wu et al. 2016: bridging"
    assert mask_rcnn.ours == pytest.approx((1, 1, 1))
    assert bridging.ours[0] == pytest.approx((0.5 + 1 / 3) / 2)
    alone = ReproduceOptions(out=tmp_path / "out", rows=("bridging",))
    assert reproduce("bridging", 2, coco, alone).table.lines == (bridging,)
    semantic = reproduce("bridging", 1, coco, ReproduceOptions(out=tmp_path / "out")).table
    assert semantic.lines[1].ours == pytest.approx((1,))
    person, cat = masks_at(0).sum((1, 2))
    iou = person / (person + cat)
    assert semantic.lines[0].ours[0] == pytest.approx((1 + iou + 0) / 3)


@pytest.mark.parametrize("sequences", [(), ("yard",)])
def test_tracks_that_are_right(davis, detectors, tmp_path, sequences, monkeypatch):
    from propago.papers import masktrack_rcnn

    monkeypatch.setitem(masktrack_rcnn.WAYS, "carry", {"carry": "first_mask", "detect_every": 2})
    options = ReproduceOptions(out=tmp_path / "out", sequences=sequences)
    lines = reproduce("masktrack-rcnn", 1, davis, options).table.lines
    assert [line.ours[0] for line in lines[:2]] == pytest.approx([1, 1])
    carried = lines[2].ours[0]
    assert carried is not None
    assert 0.5 < carried < 1


def test_what_cannot_be_measured(davis, detectors, tmp_path):
    options = ReproduceOptions(out=tmp_path / "out")
    with pytest.raises(SourceError, match=r"no instances\.json beside images/"):
        reproduce("mask-rcnn", 1, tmp_path, options)
    with pytest.raises(UsageError, match="has the tables 1, 2"):
        reproduce("bridging", 3, tmp_path, options)
    (davis / "classes.json").write_text(json.dumps({"yard": {"1": None}}))
    with pytest.raises(SourceError, match="names no class in yard"):
        reproduce("masktrack-rcnn", 1, davis, options)


def test_the_command_prints_the_papers_values_beside_ours(coco, detectors, tmp_path, capsys):
    out = str(tmp_path / "out")
    assert main(["reproduce", "mask-rcnn", "--table", "1", "--data", str(coco), "--out", out]) == 0
    said = capsys.readouterr().out
    assert "1.000 (0.357)" in said
    assert "The paper: COCO test-dev" in said
