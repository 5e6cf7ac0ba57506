import cv2
import numpy as np
import pytest

from propago.ops.box_mask import ellipse_in_box, is_unsteady, mask_in_box


def disc(size=(90, 130), centre=(60, 40), radius=22):
    rng = np.random.default_rng(0)
    noise = rng.integers(-12, 12, (*size, 3))
    truth = cv2.circle(np.zeros(size, np.uint8), centre, radius, 1, -1) > 0
    rgb = np.where(truth[..., None], (200, 90, 40), (60, 110, 150)) + noise
    return rgb.clip(0, 255).astype(np.uint8), truth


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def test_a_disc_in_its_box_is_found():
    rgb, truth = disc()
    assert overlap(mask_in_box(rgb, (37, 17, 83, 63)), truth) > 0.95


def test_a_large_picture_is_cut_at_full_resolution():
    rgb, truth = disc((700, 900), (450, 350), 300)
    assert overlap(mask_in_box(rgb, (148.5, 48.5, 752.5, 652.5)), truth) > 0.98


def test_nothing_outside_the_box_and_the_same_every_time():
    rgb, _ = disc()
    box = (36, 20, 86, 68)
    mask = mask_in_box(rgb, box)
    assert mask is not None
    assert mask[20:68, 36:86].sum() == mask.sum() > 0
    again = mask_in_box(rgb, box)
    assert again is not None
    assert np.array_equal(mask, again)


@pytest.mark.parametrize("box", [(0, 0, 130, 90), (3, 4, 4, 5), (0, 0, 2, 90), (128, 88, 130, 90)])
def test_every_legal_box_has_some_ellipse(box):
    x0, y0, x1, y1 = box
    ellipse = ellipse_in_box((90, 130), box)
    assert ellipse.sum() == ellipse[y0:y1, x0:x1].sum() > 0


@pytest.mark.parametrize("box", [(0, 0, 130, 90), (3, 4, 4, 5), (0, 0, 2, 90), (128, 88, 130, 90)])
def test_every_legal_box_is_taken(box):
    rgb, _ = disc()
    mask = mask_in_box(rgb, box)
    assert mask is None or mask.any()


def test_nothing_is_found_in_a_flat_picture():
    flat = np.full((60, 80, 3), 128, np.uint8)
    assert mask_in_box(flat, (20, 10, 61, 51)) is None
    assert 0.7 < ellipse_in_box((60, 80), (20, 10, 61, 51)).sum() / 41**2 < 0.85


def test_a_clear_outline_is_steady_and_one_of_two_that_compete_is_not():
    rgb, truth = disc()
    box = (37, 17, 83, 63)
    mask = mask_in_box(rgb, box)
    assert mask is not None
    assert not is_unsteady(rgb, box, mask)
    half = truth & (np.arange(130) < 60)
    assert is_unsteady(rgb, box, half)


@pytest.mark.parametrize("box", [(0, 0, 130, 90), (3, 4, 4, 5), (128, 88, 130, 90)])
def test_every_legal_box_is_looked_at(box):
    rgb, truth = disc()
    assert is_unsteady(rgb, box, truth) in (True, False)
