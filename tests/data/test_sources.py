"""Sources: what a recipe may mix, what is refused, and that every line of the table works."""

import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from propago.data.crops import COVER_PX, ObjectCrops
from propago.data.sources import SOURCES, ingredients
from propago.data.still_sets import STRETCH, part_of
from propago.data.stills import AlphaMask, Still, read_still, reader_of
from propago.errors import SourceError, UsageError
from propago.io.soft_masks import write_soft_masks
from propago.refinement.spn.settings import SpnSettings
from propago.types import SoftMasks

DATA = Path(os.environ.get("PROPAGO_DATA", Path(__file__).parents[2] / "../shared/data"))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"dvis": 1.0}, "data.dvis: no source is called 'dvis'; did you mean 'davis'"),
        ({"mine": {"weight": 1.0}}, "no source is called 'mine'"),
        ({"davis": "much"}, "weight = 'much': it is a number"),
        ({"davis": {"set": "train"}}, "data.davis: weight = None"),
        ({"davis": float("inf")}, "data.davis = inf"),
        ({"davis": {"weight": 1, "sets": "val"}}, "unknown setting 'sets'; legal are .*set"),
        ({"davis": {"weight": 1, "set": 3}}, "data.davis.set is a str, not 3"),
        ({"soft_masks": 1.0}, "data.soft_masks: path is missing"),
    ],
)
def test_a_wrong_line_is_refused(table, says):
    with pytest.raises(UsageError, match=says):
        ingredients(table)


def test_a_line_of_weight_0_needs_no_folder(tmp_path):
    (line,) = ingredients({"synthetic": 1, "davis": 0})
    assert line.name == "synthetic"
    assert line.opened(tmp_path).clips((32, 32), 2, 1).sample(np.random.default_rng(0))


def test_an_absent_folder_is_said(tmp_path):
    (line,) = ingredients({"coco": 1})
    with pytest.raises(SourceError, match=r"coco_small: there is no such folder; .*`data`"):
        line.opened(tmp_path)


def test_a_shape_that_a_source_lacks_is_refused(tmp_path):
    (line,) = ingredients({"synthetic": 1})
    with pytest.raises(UsageError, match="rendered clips have no pictures of their own"):
        line.opened(tmp_path).stills()


def test_every_tenth_still_is_held_out():
    names = [Still(Path(f"{n}.jpg"), lambda: np.zeros((1, 1), np.uint8)) for n in range(25)]
    val = part_of(names, "val")
    assert [still.image.stem for still in val] == ["9", "19"]
    assert [s for s in part_of(names, "all") if s not in val] == part_of(names, "train")
    with pytest.raises(UsageError, match="there are train, val and all"):
        part_of(names, "test")


def test_another_folder_under_another_name(tmp_path):
    for kind, suffix in (("images", "jpg"), ("masks", "png")):
        (tmp_path / "mine" / kind).mkdir(parents=True)
        picture = np.full((40, 40), 255 * (kind == "masks"), np.uint8)
        cv2.imwrite(str(tmp_path / "mine" / kind / f"a.{suffix}"), picture)
    (line,) = ingredients({"dogs": {"source": "people", "weight": 1, "folder": "mine"}})
    (still,) = line.opened(tmp_path).stills()
    assert still.image == tmp_path / "mine" / "images" / "a.jpg"


def test_what_is_cut_out_stands_in_front_of_a_texture(tmp_path):
    rgba = np.zeros((60, 40, 4), np.uint8)
    rgba[10:50, 10:30] = (20, 20, 220, 255)
    cv2.imwrite(str(tmp_path / "a.png"), rgba)
    still = Still(tmp_path / "a.png", AlphaMask(tmp_path / "a.png"), cut_out=True)
    first, ids = read_still(still, np.random.default_rng(0))
    other, _ = read_still(still, np.random.default_rng(1))
    assert (ids == 1).sum() == 800
    assert (first[12:48, 12:28] == (220, 20, 20)).all()
    assert np.abs(first[:8].astype(int) - other[:8]).mean() > 5


def test_a_stretched_still_keeps_its_mask_on_its_object(tmp_path):
    ids = np.zeros((60, 60), np.uint8)
    ids[20:40, 20:40] = 1
    cv2.imwrite(str(tmp_path / "a.png"), np.repeat(ids[..., None] * 200, 3, 2))
    still = Still(tmp_path / "a.png", lambda: ids, stretch=STRETCH)
    widths = set()
    for seed in range(9):
        image, mask = read_still(still, np.random.default_rng(seed))
        assert image.shape[:2] == mask.shape
        assert (image[mask == 1] >= 100).mean() > 0.95
        widths.add(mask.shape[1])
    assert 40 < min(widths) < 55 < 65 < max(widths) < 90


def test_ids_of_16_bits_that_do_not_fit_are_void(tmp_path):
    many = np.kron(np.arange(301).reshape(7, 43), np.ones((4, 4))).astype(np.uint16)
    Image.fromarray(many).save(tmp_path / "ids.png")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((*many.shape, 3), np.uint8))
    still = Still(tmp_path / "a.png", reader_of(tmp_path / "ids.png"))
    _, ids = read_still(still, np.random.default_rng(0))
    assert ids.dtype == np.uint8
    assert np.array_equal(ids, np.minimum(many, 255))


@pytest.fixture
def followed(tmp_path):
    """A data root with a sequence of four frames, and what a method said of object 2 in it."""
    for kind in ("JPEGImages", "Annotations"):
        (tmp_path / "davis" / kind / "480p" / "bear").mkdir(parents=True)
    (tmp_path / "davis/ImageSets").mkdir()
    (tmp_path / "davis/ImageSets/some.txt").write_text("bear")
    (tmp_path / "said/bear/scores").mkdir(parents=True)
    ids = np.zeros((60, 80), np.uint8)
    ids[20:50, 20:50] = 2
    soft = np.zeros((1, 60, 80), np.float32)
    soft[0, 20:50, 20:47] = 0.75
    for t in range(4):
        cv2.imwrite(str(tmp_path / f"davis/JPEGImages/480p/bear/{t:05d}.jpg"), ids * 100)
        mask = Image.fromarray(ids)
        mask.putpalette([0] * 768)
        mask.save(tmp_path / f"davis/Annotations/480p/bear/{t:05d}.png")
        said = SoftMasks((2,), torch.from_numpy(soft))
        write_soft_masks(tmp_path / f"said/bear/scores/{t:05d}.npz", said)
    return tmp_path


def line(every):
    settings = {"weight": 1, "path": "said", "set": "some", "every": every}
    return ingredients({"soft_masks": settings})[0]


def test_soft_masks_stand_in_place_of_masks_made_coarse(followed):
    stills = line(1).opened(followed).stills()
    assert [still.image.stem for still in stills] == ["00001", "00002", "00003"]
    assert [still.image.stem for still in line(2).opened(followed).stills()] == ["00002"]
    crops = ObjectCrops([(1, stills)], size=64, augmented=False)
    values = set()
    for seed in range(9):
        crop = crops.sample(np.random.default_rng(seed))
        values |= set(np.unique(crop.coarse).tolist())
        assert not crop.coarse[crop.truth == 0].any()
    assert {0.0, 0.75, 1.0} <= values, "now and then it is a label map"


def test_a_method_that_said_nothing_is_no_source(followed):
    (followed / "said/bear/scores").rename(followed / "elsewhere")
    with pytest.raises(SourceError, match=r"no soft masks of the sequence bear: .*`save_scores`"):
        line(1).opened(followed)
    stills = [
        replace(still, read_soft=lambda: SoftMasks((1,), torch.ones(1, 60, 80)))
        for still in ingredients({"davis": {"weight": 1, "set": "some"}})[0]
        .opened(followed)
        .stills()
    ]
    with pytest.raises(SourceError, match="no object"):
        ObjectCrops([(1, stills)], size=64).sample(np.random.default_rng(0))


def test_crops_are_enlarged_as_the_network_does():
    assert SpnSettings().cover_px == COVER_PX


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "soft_masks"])
def test_real_data(name):
    (line,) = ingredients({name: 1})
    if not (DATA / line.folder).is_dir():
        pytest.skip(f"{line.folder} is not in {DATA} (set PROPAGO_DATA)")
    source = line.opened(DATA)
    clip = source.clips((64, 96), 2, 2).sample(np.random.default_rng(0))
    assert clip.images.shape == (2, 64, 96, 3)
    assert 1 <= clip.objects <= 2
    piece = source.pictures((64, 96), 2).sample(np.random.default_rng(0))
    assert piece.labels.shape == (1, 64, 96)
