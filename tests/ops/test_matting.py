import numpy as np
import pytest

from propago.ops.matting import closed_form_alpha, matting_laplacian

ROWS, COLUMNS = np.mgrid[:24, :40]
RAMP = np.clip((COLUMNS - 17) / 5, 0, 1).astype(np.float32)
WHITE_ON_BLUE = np.stack([RAMP * 255, RAMP * 255, RAMP * 155 + 100], -1).round().astype(np.uint8)


@pytest.mark.parametrize("shift_px", [-1, 0, 2])
def test_alpha_is_found_though_the_mask_is_a_little_off(shift_px):
    mask = (COLUMNS + shift_px > 19.5).astype(np.float32)
    found = closed_form_alpha(WHITE_ON_BLUE, mask, edge_px=6)
    assert np.abs(found - RAMP).max() < 0.1
    assert np.abs(found - RAMP).sum() < 0.2 * np.abs(mask - RAMP).sum()


def test_far_from_the_edge_nothing_is_asked_and_a_frame_without_edge_stays():
    mask = (COLUMNS > 19).astype(np.float32)
    noise = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    found = closed_form_alpha(noise, mask, edge_px=3)
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1
    np.testing.assert_array_equal(found[:, :16], 0)
    np.testing.assert_array_equal(found[:, 24:], 1)
    for whole in (0.0, 1.0):
        full = np.full((24, 40), whole, np.float32)
        np.testing.assert_array_equal(closed_form_alpha(noise, full), full)
    np.testing.assert_array_equal(closed_form_alpha(noise[:2], mask[:2]), mask[:2])


def test_what_is_thinner_than_the_band_does_not_vanish():
    line = (ROWS == 12).astype(np.float32)
    rgb = np.repeat((line[..., None] * 200).astype(np.uint8), 3, -1)
    found = closed_form_alpha(rgb, line, edge_px=5)
    assert found[12].min() > 0.7
    assert found[6].max() < 0.3


def test_the_laplacian_is_that_of_the_definition():
    rng = np.random.default_rng(1)
    image = rng.random((4, 5, 3))
    dense = np.zeros((20, 20))
    for y in range(1, 3):
        for x in range(1, 4):
            window = [(y + dy) * 5 + x + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
            colours = image.reshape(-1, 3)[window]
            mean = colours.mean(0)
            inverse = np.linalg.inv(np.cov(colours.T, bias=True) + 1e-6 / 9 * np.eye(3))
            for i, a in zip(window, colours, strict=True):
                for j, b in zip(window, colours, strict=True):
                    dense[i, j] += (i == j) - (1 + (a - mean) @ inverse @ (b - mean)) / 9
    found = matting_laplacian(image, np.ones((4, 5), bool)).toarray()
    np.testing.assert_allclose(found, dense, atol=1e-8)
    np.testing.assert_allclose(found.sum(1), 0, atol=1e-8)
