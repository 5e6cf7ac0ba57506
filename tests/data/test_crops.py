from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from propago.data.crops import LEAST_PX, ObjectCrops
from propago.data.stills import stills_of_davis
from propago.errors import SourceError, UsageError


def write(root, name="bear"):
    """A DAVIS root with one frame: object 1 red, object 2 blue, some void."""
    image = np.full((120, 160, 3), (40, 150, 40), np.uint8)
    ids = np.zeros((120, 160), np.uint8)
    ids[30:90, 30:80], ids[30:90, 90:130], ids[100:110, :] = 1, 2, 255
    image[ids == 1], image[ids == 2] = (220, 20, 20), (20, 20, 220)
    for kind in ("JPEGImages", "Annotations"):
        (root / kind / "480p" / name).mkdir(parents=True)
    path = root / "JPEGImages" / "480p" / name / "00000.jpg"
    cv2.imwrite(str(path), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    mask = Image.fromarray(ids)
    mask.putpalette(list(range(256)) * 3)
    mask.save(root / "Annotations" / "480p" / name / "00000.png")
    (root / "ImageSets").mkdir(exist_ok=True)
    (root / "ImageSets" / "some.txt").write_text(name)
    return root


def test_the_truth_lies_on_the_object_and_void_is_kept(tmp_path):
    stills = stills_of_davis(write(tmp_path), "some")
    sampler = ObjectCrops([(1, stills)], size=64, cover_px=0, augmented=False)
    void = False
    for seed in range(20):
        crop = sampler.sample(np.random.default_rng(seed))
        assert crop.image.shape == (64, 64, 3)
        assert crop.coarse.shape == crop.truth.shape == (64, 64)
        assert (crop.truth == 1).sum() >= LEAST_PX
        inside = cv2.erode((crop.truth == 1).astype(np.uint8), np.ones((5, 5)))
        colours = crop.image[inside == 1].reshape(-1, 3)
        assert np.ptp(colours[:, 0].astype(int)) < 100, "one object, of one colour"
        void |= (crop.truth == 255).any()
    assert void


def test_small_objects_are_enlarged_with_the_steps_of_their_coarse_mask(tmp_path):
    stills = stills_of_davis(write(tmp_path), "some")
    crops = {
        cover_px: [
            ObjectCrops([(1, stills)], size=64, cover_px=cover_px, augmented=False).sample(
                np.random.default_rng(seed)
            )
            for seed in range(8)
        ]
        for cover_px in (0, 1000)
    }
    shares = {
        px: np.mean([(crop.truth == 1).mean() for crop in found]) for px, found in crops.items()
    }
    assert shares[1000] > 1.2 * shares[0], "the object fills more of the crop"
    for crop in crops[1000]:
        assert crop.image.shape == (64, 64, 3)
        pairs = crop.coarse.reshape(32, 2, 32, 2)
        assert np.array_equal(pairs, np.broadcast_to(pairs[:, :1, :, :1], pairs.shape))


def test_augmented_crops_repeat_and_differ(tmp_path):
    sampler = ObjectCrops([(1, stills_of_davis(write(tmp_path), "some"))], size=64, cover_px=0)
    a, b, c = (sampler.sample(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.coarse, b.coarse)
    assert not np.array_equal(a.image, c.image)


def test_bad_sources_are_said(tmp_path):
    stills = stills_of_davis(write(tmp_path), "some")
    with pytest.raises(UsageError, match="weights"):
        ObjectCrops([(0, stills)], size=64, cover_px=0)
    with pytest.raises(SourceError, match="no picture"):
        ObjectCrops([(1, [])], size=64, cover_px=0)
    missing = replace(stills[0], image=tmp_path / "none.jpg")
    with pytest.raises(SourceError, match=r"none\.jpg is unreadable"):
        ObjectCrops([(1, [missing])], size=64, cover_px=0).sample(np.random.default_rng(0))
