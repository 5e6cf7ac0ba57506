import numpy as np
import pytest

from propago.errors import MaskError, ShapeError, UsageError
from propago.finetune.warp import WarpSettings, draw_warp, warp_pair
from propago.types import VOID

H, W = 60, 80
STILL = WarpSettings(shift=0, rotation_deg=0, scale=0, flip=0)
WIDE = WarpSettings(shift=0.2, rotation_deg=40, scale=0.3, flip=0.5)


def coordinates() -> tuple[np.ndarray, np.ndarray]:
    """A picture whose red is 2 x and green 3 y, and labels 1 + x // 10 + 8 (y // 10)."""
    y, x = np.mgrid[:H, :W]
    image = np.dstack([2 * x, 3 * y, np.zeros_like(x)]).astype(np.uint8)
    return image, (1 + x // 10 + 8 * (y // 10)).astype(np.uint8)


@pytest.mark.parametrize("seed", range(8))
def test_image_and_labels_go_to_the_same_place(seed):
    image, labels = coordinates()
    moved, rows = warp_pair(np.random.default_rng(seed), image, labels, WIDE)
    x, y = moved[..., 0] / 2, moved[..., 1] / 3
    known = rows != VOID
    said = 1 + np.round(x).astype(int) // 10 + 8 * (np.round(y).astype(int) // 10)
    near_a_border = np.zeros((H, W), bool)
    for at in (x, y):  # within 8-bit rounding of where the nearest label changes
        near_a_border |= np.abs((at + 0.5) % 10 - 5) > 4.5
    clear = known & ~near_a_border
    assert clear.sum() > 800
    assert np.array_equal(rows[clear], said[clear])


@pytest.mark.parametrize("seed", range(8))
def test_what_comes_from_outside_is_void_and_only_that(seed):
    image, labels = coordinates()
    placed = draw_warp(np.random.default_rng(seed), (H, W), WIDE)
    _, rows = warp_pair(np.random.default_rng(seed), image, labels, WIDE)
    y, x = np.mgrid[:H, :W]
    back = np.linalg.inv(placed[:, :2])
    source = np.einsum("ij,jhw->ihw", back, np.stack([x, y]) - placed[:, 2, None, None])
    beyond = np.maximum.reduce(
        [-0.5 - source[0], source[0] - (W - 0.5), -0.5 - source[1], source[1] - (H - 0.5)]
    )
    assert (rows[beyond > 0.1] == VOID).all()
    assert (rows[beyond < -0.1] != VOID).all()


def test_nothing_happens_exactly():
    image, labels = coordinates()
    moved, rows = warp_pair(np.random.default_rng(0), image, labels, STILL)
    assert np.array_equal(moved, image)
    assert np.array_equal(rows, labels)


def test_a_flip_is_exact():
    image, labels = coordinates()
    flip = WarpSettings(shift=0, rotation_deg=0, scale=0, flip=1)
    moved, rows = warp_pair(np.random.default_rng(0), image, labels, flip)
    assert np.array_equal(moved, image[:, ::-1])
    assert np.array_equal(rows, labels[:, ::-1])


def test_void_stays_void():
    image, labels = coordinates()
    labels[20:30] = VOID
    flip = WarpSettings(shift=0, rotation_deg=0, scale=0, flip=1)
    _, rows = warp_pair(np.random.default_rng(0), image, labels, flip)
    assert (rows[20:30] == VOID).all()


def test_draws_stay_in_their_ranges_and_a_seed_repeats_them():
    settings = WarpSettings(shift=0.1, rotation_deg=5, scale=0.05, flip=0.5)
    maps = [draw_warp(np.random.default_rng(i), (H, W), settings) for i in range(200)]
    middle = np.array([(W - 1) / 2, (H - 1) / 2])
    moves = np.array([m[:, :2] @ middle + m[:, 2] - middle for m in maps])
    scales = np.array([np.sqrt(abs(np.linalg.det(m[:, :2]))) for m in maps])
    flips = np.array([np.linalg.det(m[:, :2]) < 0 for m in maps])
    assert (np.abs(moves) <= (0.1 * W, 0.1 * H)).all()
    assert np.abs(moves).max(0) == pytest.approx((0.1 * W, 0.1 * H), rel=0.1)
    assert 0.95 <= scales.min() < 0.96
    assert 1.04 < scales.max() <= 1.05
    assert 60 < flips.sum() < 140
    assert np.array_equal(maps[3], draw_warp(np.random.default_rng(3), (H, W), settings))


def test_what_cannot_be_warped_is_refused():
    image, labels = coordinates()
    rng = np.random.default_rng(0)
    with pytest.raises(ShapeError, match="60, 79"):
        warp_pair(rng, image, labels[:, 1:], STILL)
    with pytest.raises(MaskError, match="uint16"):
        warp_pair(rng, image, labels.astype(np.uint16), STILL)
    for wrong in ({"shift": -0.1}, {"scale": 1.0}, {"flip": 1.5}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            WarpSettings(**wrong)
