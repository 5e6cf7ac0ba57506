"""Clips from stills: alignment, and file layouts made up here."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as rle

from propago.data import still_sets
from propago.data.cutouts import cut_out, filled
from propago.data.objects import visible_objects
from propago.data.stills import RleMask, Still, read_still
from propago.errors import SourceError

SIZE = (150, 200)
OPTIONS = {"size": (96, 96), "frames": 3, "max_objects": 3}


def clips_of(read, folder):
    return read(folder).clips(**OPTIONS)


def red_square():
    """A red square on green, and its mask."""
    image = np.full((*SIZE, 3), (30, 160, 40), np.uint8)
    mask = np.zeros(SIZE, np.uint8)
    mask[40:110, 60:140] = 1
    image[mask == 1] = (220, 30, 30)
    return image, mask


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])


@pytest.fixture
def saliency(tmp_path):
    image, mask = red_square()
    write_image(tmp_path / "images/a.jpg", image)
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask * np.uint8(255)).convert("1").save(tmp_path / "masks/a.png")
    return tmp_path


def assert_legal(clip):
    assert clip.images.shape == (3, 96, 96, 3)
    assert clip.labels.shape == (3, 96, 96)
    assert clip.images.dtype == clip.labels.dtype == np.uint8
    assert 1 <= clip.objects <= 3
    assert set(np.unique(clip.labels)) <= set(range(clip.objects + 1))
    assert visible_objects(clip.labels[0]) == list(range(1, clip.objects + 1))


def test_labels_lie_on_what_wascut_out(saliency):
    sampler = clips_of(still_sets.saliency, saliency)
    for seed in range(12):
        images, labels = sampler._render(np.random.default_rng(seed))
        red = images[..., 0] > 125
        inside = labels > 0
        unlabelled = (red & ~inside).sum() > 0.1 * red.sum()
        if not unlabelled:
            assert (red & inside).sum() / (red | inside).sum() > 0.9
        assert (red & inside).sum() > 0.93 * inside.sum()


def test_same_seed_same_clip(saliency):
    sampler = clips_of(still_sets.saliency, saliency)
    for seed in range(4):
        clips = [sampler.sample(np.random.default_rng(seed)) for _ in range(2)]
        assert_legal(clips[0])
        assert np.array_equal(clips[0].images, clips[1].images)
        assert np.array_equal(clips[0].labels, clips[1].labels)


def test_cut_out_is_closed_and_centred():
    image, mask = red_square()
    rgba, centre_px = cut_out(image, mask)
    assert centre_px.tolist() == [99.5, 74.5]
    assert rgba.shape == (76, 86, 4)
    assert rgba[[0, -1], :, 3].max() == rgba[:, [0, -1], 3].max() == 0
    assert ((rgba[..., 3] > 127).sum()) == mask.sum()


def test_a_filled_hole_takes_the_colour_of_its_rim():
    image, mask = red_square()
    whole = filled(image, mask)
    assert np.abs(whole.astype(int) - (30, 160, 40)).max() <= 8
    assert np.array_equal(whole[:20], image[:20])


def test_voc_layout(tmp_path):
    image, mask = red_square()
    write_image(tmp_path / "JPEGImages/a.jpg", image)
    (tmp_path / "SegmentationObject").mkdir()
    indexed = Image.fromarray(np.where(mask == 1, 2, 255).astype(np.uint8))
    indexed.putpalette([0] * 768)
    indexed.save(tmp_path / "SegmentationObject/a.png")
    assert_legal(clips_of(still_sets.voc, tmp_path).sample(np.random.default_rng(1)))


def test_coco_layout_leaves_out_crowds_and_specks(tmp_path):
    image, mask = red_square()
    write_image(tmp_path / "images/a.jpg", image)
    square = [[60, 40, 140, 40, 140, 110, 60, 110]]
    kept = {"image_id": 1, "area": 5600, "iscrowd": 0, "segmentation": square}
    crowd = {**kept, "iscrowd": 1}
    speck = {**kept, "area": 20}
    images = [{"id": 1, "height": SIZE[0], "width": SIZE[1], "file_name": "a.jpg"}]
    content = {"images": images, "annotations": [crowd, kept, speck]}
    (tmp_path / "instances.json").write_text(json.dumps(content))
    sampler = clips_of(still_sets.coco, tmp_path)
    assert np.array_equal(sampler._stills[0].read_ids(), mask)
    assert_legal(sampler.sample(np.random.default_rng(0)))


def test_later_run_lengths_are_in_front():
    planes = np.zeros((4, 4, 2), np.uint8, order="F")
    planes[:3, :, 0] = 1
    planes[1:, :, 1] = 1
    ids = RleMask(tuple(rle.encode(planes)))()
    assert ids[:, 0].tolist() == [1, 2, 2, 2]


def test_image_and_mask_of_two_sizes_are_refused(saliency):
    write_image(saliency / "images/a.jpg", np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(SourceError, match=r"a\.jpg.*one size"):
        clips_of(still_sets.saliency, saliency).sample(np.random.default_rng(0))


def test_folders_without_pairs_are_refused(tmp_path):
    with pytest.raises(SourceError, match="images"):
        clips_of(still_sets.saliency, tmp_path)
    with pytest.raises(SourceError, match=r"instances\.json"):
        clips_of(still_sets.coco, tmp_path)


def test_paths_of_any_letters_are_read_and_missing_or_empty_files_are_told(tmp_path):
    image, mask = red_square()
    path = tmp_path / "über 雪.png"
    Image.fromarray(image).save(path)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(read_still(Still(path, lambda: mask), rng)[0], image)
    path.write_bytes(b"")
    for place in (path, tmp_path / "none.png"):
        with pytest.raises(SourceError, match="is unreadable"):
            read_still(Still(place, lambda: mask), rng)
