"""Clips: numbering, times, windows, mixing, and DAVIS folders made up here."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from propago.data.clips import (
    DavisClips,
    draw_times,
    draw_window,
)
from propago.data.mixture import Mixture
from propago.data.objects import MIN_OBJECT_PX, number_objects, visible_objects
from propago.data.synthetic import SyntheticClips
from propago.errors import SourceError, UsageError

DATA = Path(os.environ.get("PROPAGO_DATA", Path(__file__).parents[2] / "../shared/data"))


def write_sequence(root, name, length=12, size=(240, 427)):
    """A square of colour (200, 60, 30) on a dark ground, id 3, moving right; void on top."""
    for folder in ("JPEGImages", "Annotations"):
        (root / folder / "480p" / name).mkdir(parents=True)
    for t in range(length):
        image = np.full((*size, 3), 40, np.uint8)
        labels = np.zeros(size, np.uint8)
        image[100:160, 100 + 5 * t : 160 + 5 * t] = (200, 60, 30)
        labels[100:160, 100 + 5 * t : 160 + 5 * t] = 3
        labels[:4] = 255
        bgr = image[..., ::-1]
        cv2.imwrite(
            str(root / "JPEGImages/480p" / name / f"{t:05d}.jpg"),
            bgr,
            [cv2.IMWRITE_JPEG_QUALITY, 95],
        )
        mask = Image.fromarray(labels)
        mask.putpalette([0] * 768)
        mask.save(root / "Annotations/480p" / name / f"{t:05d}.png")


@pytest.fixture
def davis(tmp_path):
    write_sequence(tmp_path, "square")
    return tmp_path


def assert_legal(clip, size, frames, max_objects):
    assert clip.images.shape == (frames, *size, 3)
    assert clip.labels.shape == (frames, *size)
    assert clip.images.dtype == clip.labels.dtype == np.uint8
    assert clip.images.flags.c_contiguous
    assert clip.labels.flags.c_contiguous
    assert 1 <= clip.objects <= max_objects
    assert set(np.unique(clip.labels)) <= {*range(clip.objects + 1), 255}
    assert visible_objects(clip.labels[0]) == list(range(1, clip.objects + 1))


def test_davis_clip_is_legal_and_repeats_with_its_seed(davis):
    sampler = DavisClips(davis, ["square"], size=(96, 112), frames=4)
    for seed in range(5):
        clip = sampler.sample(np.random.default_rng(seed))
        assert_legal(clip, (96, 112), 4, 3)
        again = sampler.sample(np.random.default_rng(seed))
        assert np.array_equal(clip.images, again.images)
        assert np.array_equal(clip.labels, again.labels)


def test_a_pasted_object_never_hides_all_others(davis, monkeypatch):
    """Where the pasted stranger covers everything, the clip stays without it."""
    blank = (np.zeros((2, 96, 96, 3), np.uint8), np.zeros((2, 96, 96), np.uint8))
    monkeypatch.setattr("propago.data.clips.paste_moving", lambda *_: blank)
    sampler = DavisClips(davis, ["square"], size=(96, 96), frames=2, paste_chance=1.0)
    assert sampler.sample(np.random.default_rng(0)).objects == 1


def test_davis_labels_lie_on_the_object(davis):
    sampler = DavisClips(davis, ["square"], size=(96, 96), frames=3, paste_chance=0.0)
    for seed in range(12):
        images, labels = sampler._window(np.random.default_rng(seed))
        red = images[..., 0] > 120
        inside = labels == 3
        agree = (red & inside).sum() / (red | inside)[labels != 255].sum()
        assert agree > 0.93


def test_grey_0_255_masks_are_one_object(davis):
    for path in (davis / "Annotations/480p/square").iterdir():
        with Image.open(path) as mask:
            grey = np.where(np.asarray(mask) == 3, 255, 0).astype(np.uint8)
        Image.fromarray(grey).save(path)
    clip = DavisClips(davis, ["square"], size=(96, 96), frames=2).sample(np.random.default_rng(0))
    assert clip.objects >= 1


def test_missing_masks_are_named(davis):
    (davis / "Annotations/480p/square/00003.png").unlink()
    with pytest.raises(SourceError, match=r"square.*00003\.png"):
        DavisClips(davis, ["square"], size=(96, 96), frames=2)


def test_annotations_without_objects_are_refused(davis):
    for path in (davis / "Annotations/480p/square").iterdir():
        Image.fromarray(np.zeros((240, 427), np.uint8)).save(path)
    sampler = DavisClips(davis, ["square"], size=(96, 96), frames=2)
    with pytest.raises(SourceError, match="no object"):
        sampler.sample(np.random.default_rng(0))


@pytest.mark.parametrize(("length", "frames"), [(1, 4), (3, 3), (5, 4), (80, 6), (80, 1)])
def test_times_are_in_range_and_monotonic(length, frames):
    for seed in range(30):
        times = draw_times(np.random.default_rng(seed), length, frames, 6)
        gaps = np.diff(times)
        assert len(times) == frames
        assert min(times) >= 0
        assert max(times) < length
        assert (gaps >= 0).all() or (gaps <= 0).all()
        assert abs(gaps[1:]).max(initial=0) <= 6
        assert abs(gaps).max(initial=0) <= 40  # a far first frame


def test_window_is_inside_even_and_shows_the_object():
    mask = np.zeros((480, 854), np.uint8)
    mask[300:360, 700:790] = 1
    for seed in range(30):
        rect = draw_window(np.random.default_rng(seed), [mask, mask * 0], (224, 224))
        assert rect is not None
        y, x, h, w = rect
        assert all(v % 2 == 0 for v in rect)
        assert y >= 0
        assert x >= 0
        assert y + h <= 480
        assert x + w <= 854
        assert (mask[y : y + h, x : x + w] == 1).sum() == mask.sum()


def test_window_of_an_empty_mask_is_none():
    empty = np.zeros((480, 854), np.uint8)
    assert draw_window(np.random.default_rng(0), [empty], (224, 224)) is None


def test_numbering_keeps_void_and_drops_small_and_late_objects():
    labels = np.zeros((2, 20, 20), np.uint8)
    labels[:, :10, :10] = 7
    labels[:, 15:, 15:] = 9
    labels[1, 10:, :10] = 4
    labels[:, 0, :] = 255
    numbered = number_objects(np.random.default_rng(0), labels, 3)
    assert MIN_OBJECT_PX > 25
    assert set(np.unique(numbered)) == {0, 1, 255}
    assert np.array_equal(numbered == 1, labels == 7)
    assert np.array_equal(numbered == 255, labels == 255)


def test_mixture_draws_each_and_refuses_bad_weights():
    small = SyntheticClips(size=(32, 32), frames=1)
    large = SyntheticClips(size=(32, 48), frames=1)
    mixed = Mixture([(1, small), (3, large)])
    rng = np.random.default_rng(0)
    widths = [mixed.sample(rng).images.shape[2] for _ in range(10)]
    assert set(widths) == {32, 48}
    with pytest.raises(UsageError, match="weights"):
        Mixture([(0.0, small)])
    with pytest.raises(UsageError, match="weights"):
        Mixture([])


def test_synthetic_clip_is_legal_and_repeats_with_its_seed():
    sampler = SyntheticClips(size=(96, 112), frames=3)
    for seed in range(5):
        clip = sampler.sample(np.random.default_rng(seed))
        assert_legal(clip, (96, 112), 3, 3)
        again = sampler.sample(np.random.default_rng(seed))
        assert np.array_equal(clip.images, again.images)


def test_real_davis_sequences():
    root = DATA / "davis"
    if not root.is_dir():
        pytest.skip(f"davis is not in {DATA} (set PROPAGO_DATA)")
    names = (root / "ImageSets/train.txt").read_text().split()
    sampler = DavisClips(root, names, size=(128, 160), frames=3)
    for seed in range(4):
        assert_legal(sampler.sample(np.random.default_rng(seed)), (128, 160), 3, 3)
