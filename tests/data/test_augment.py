"""Colours, light and compression, on values worked out by hand."""

import numpy as np
import pytest

from propago.data.augment import (
    ColourMap,
    add_noise,
    blend,
    compress,
    degrade,
    draw_colour_map,
    jitter_colours,
    relight,
)


def grey(value, shape=(2, 16, 16, 3)):
    return np.full(shape, value, np.uint8)


def test_relight_multiplies_and_saturates():
    gain = np.full((16, 16), 0.5)
    gain[:, 8:] = 3.0
    lit = relight(grey(100)[0], gain)
    assert (lit[:, :8] == 50).all()
    assert (lit[:, 8:] == 255).all()


def test_blend_is_linear_in_its_weight():
    weight = np.zeros((16, 16))
    weight[:, 4:8], weight[:, 8:] = 0.25, 1.0
    mixed = blend(grey(200)[0], grey(100)[0], weight)
    assert (mixed[:, :4] == 100).all()
    assert np.abs(mixed[:, 4:8].astype(int) - 125).max() <= 1
    assert (mixed[:, 8:] == 200).all()


def test_a_colour_map_is_affine_then_a_curve():
    matrix = np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0.5, 10]], np.float32)
    curve = np.arange(256, dtype=np.uint8)
    curve[60] = 255
    image = np.zeros((1, 1, 3), np.uint8)
    image[0, 0] = (40, 80, 100)
    assert ColourMap(matrix, curve)(image)[0, 0].tolist() == [80, 40, 255]
    assert ColourMap(matrix, curve)(image, gain=2.0)[0, 0].tolist() == [160, 80, 120]


@pytest.mark.parametrize("seed", range(8))
def test_drawn_curves_rise_from_black_to_white(seed):
    colours = draw_colour_map(np.random.default_rng(seed))
    assert colours.curve[0] == 0
    assert colours.curve[255] == 255
    assert (np.diff(colours.curve.astype(int)) >= 0).all()


def test_jitter_keeps_a_still_clip_nearly_still():
    for seed in range(8):
        jittered = jitter_colours(np.random.default_rng(seed), grey(120, (4, 8, 8, 3)))
        means = jittered.reshape(4, -1).mean(1)
        assert np.ptp(means) < 40


def test_noise_has_the_asked_deviation_and_differs_between_frames():
    noisy = add_noise(np.random.default_rng(0), grey(128, (2, 128, 128, 3)), sigma=6.0)
    assert noisy.astype(float).std() == pytest.approx(6.0, rel=0.08)
    assert noisy.mean() == pytest.approx(128, abs=0.7)
    assert not np.array_equal(noisy[0], noisy[1])


def test_noise_covers_frames_larger_than_its_table():
    noisy = add_noise(np.random.default_rng(0), grey(128, (1, 600, 1100, 3)), sigma=5.0)
    assert noisy[0, -50:, -50:].std() > 2


def test_compression_keeps_channel_order():
    image = np.zeros((1, 16, 16, 3), np.uint8)
    image[..., 0] = 200
    assert np.abs(compress(image, 90)[0].mean((0, 1)) - (200, 0, 0)).max() < 8


def test_degrading_keeps_shape_type_and_place():
    images = np.zeros((2, 40, 40, 3), np.uint8)
    images[:, 10:30, 10:30] = 255
    for seed in range(12):
        worse = degrade(np.random.default_rng(seed), images)
        assert worse.shape == images.shape
        assert worse.dtype == np.uint8
        assert ((worse[..., 1] > 127) == (images[..., 1] > 127)).mean() > 0.97
