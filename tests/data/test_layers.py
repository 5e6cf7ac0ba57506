"""Geometry of rendered clips: what is sampled where, what is drawn over what."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propago.data.layers import Layer, Part, draw_backdrop, draw_layer, sample_cut_out
from propago.data.motion import Bend, Path, affine, draw_bend, draw_path, draw_speed, sampling_map


def still_path(x=0.0, y=0.0):
    return Path(np.array([x, y, 0.0, 0.0]), np.zeros(4), np.zeros(4), 0.0, 0.0)


def patch(side, colour, border=2):
    rgba = np.zeros((side, side, 4), np.uint8)
    rgba[..., :3] = colour
    rgba[border:-border, border:-border, 3] = 255
    return rgba


@settings(max_examples=25, deadline=None)
@given(
    x=st.floats(-40, 40),
    y=st.floats(-40, 40),
    angle=st.floats(-3.2, 3.2),
    scale=st.floats(0.4, 2.5),
    x0=st.integers(0, 20),
    width=st.integers(2, 61),
)
def test_sampling_map_is_exact_for_affine_placements(x, y, angle, scale, x0, width):
    inverse = np.linalg.inv(affine(x, y, angle, scale))
    map_x, map_y = sampling_map(inverse, (x0, 3, x0 + width, 40), None, 0.0)
    columns, rows = np.meshgrid(np.arange(x0, x0 + width), np.arange(3, 40))
    expected = np.einsum("ij,jhw->ihw", inverse, np.stack([columns, rows, np.ones(rows.shape)]))
    assert map_x.shape == (37, width)
    assert np.abs(map_x - expected[0]).max() < 1e-3
    assert np.abs(map_y - expected[1]).max() < 1e-3


def test_a_bent_map_is_close_to_the_bend_itself():
    bend = Bend(np.array([[3.0], [2.0]]), np.array([[0.05, 0.03]]), np.array([0.4]), np.zeros(1))
    map_x, map_y = sampling_map(np.eye(3), (0, 0, 80, 64), bend, 2.0)
    columns, rows = np.meshgrid(np.arange(80.0), np.arange(64.0))
    dx, dy = bend.shift(columns, rows, 2.0)
    assert np.abs(map_x - columns - dx).max() < 0.1
    assert np.abs(map_y - rows - dy).max() < 0.1


def test_a_cut_out_is_sampled_where_its_placement_says():
    """Colours that are coordinates come out as the coordinates the placement maps there."""
    rgba = np.zeros((41, 61, 4), np.uint8)
    rgba[..., 0] = 4 * np.arange(61)
    rgba[..., 1] = 4 * np.arange(41)[:, None]
    rgba[1:-1, 1:-1, 3] = 255
    placement = affine(50.0, 40.0, 0.4, 0.9)
    seen = sample_cut_out(rgba, placement, (90, 110))
    assert seen is not None
    (x0, y0, x1, y1), pixels = seen
    columns, rows = np.meshgrid(np.arange(x0, x1), np.arange(y0, y1))
    points = np.stack([columns, rows, np.ones(rows.shape)])
    own = np.einsum("ij,jhw->ihw", np.linalg.inv(placement), points)
    inside = pixels[..., 3] == 255
    assert inside.sum() > 0.95 * 38 * 58 * 0.81
    assert np.abs(pixels[..., 0] - 4 * (own[0] + 30))[inside].max() < 1.5
    assert np.abs(pixels[..., 1] - 4 * (own[1] + 20))[inside].max() < 1.5


def test_a_cut_out_out_of_sight_is_none():
    assert sample_cut_out(patch(9, 200), affine(200.0, 10.0), (40, 40)) is None


def test_layers_label_what_they_cover_and_nothing_else():
    image, labels = np.full((40, 50, 3), 10, np.uint8), np.zeros((40, 50), np.uint8)
    lower = Layer((Part(patch(20, (200, 0, 0)), np.eye(3)),), still_path(20, 20), label=1)
    upper = Layer((Part(patch(14, (0, 200, 0)), np.eye(3)),), still_path(28, 22), label=2)
    stranger = Layer((Part(patch(10, (0, 0, 200)), np.eye(3)),), still_path(14, 14), label=0)
    for layer in (lower, upper, stranger):
        draw_layer(image, labels, layer, np.eye(3), 0.0)
    assert ((labels == 1) == (image[..., 0] > 105)).mean() > 0.97
    assert ((labels == 2) == (image[..., 1] > 105)).mean() > 0.97
    assert not labels[image[..., 2] > 150].any()
    assert set(np.unique(labels)) == {0, 1, 2}


def test_motion_blur_and_shadow_leave_labels_alone():
    plain, fancy = (np.full((48, 48, 3), 120, np.uint8) for _ in range(2))
    labels = [np.zeros((48, 48), np.uint8) for _ in range(2)]
    parts, path = (Part(patch(20, 250), np.eye(3)),), still_path(22, 22)
    draw_layer(plain, labels[0], Layer(parts, path, 1), np.eye(3), 0.0)
    layer = Layer(parts, path, 1, shadow=0.6, blur_px=(7.0, 0.0))
    draw_layer(fancy, labels[1], layer, np.eye(3), 0.0)
    assert np.array_equal(labels[0], labels[1])
    assert fancy[22, 11, 0] > plain[22, 11, 0]
    assert fancy[34:36, 22].max() < 115


def test_a_limb_swings_about_its_joint():
    part = Part(patch(9, 1), affine(5, 6, 0.3), joint_px=(2.0, -3.0), swing_rad=0.8, rate=0.5)
    joint = np.array([2.0, -3.0, 1.0])
    places = [part.placement(t) @ joint for t in range(6)]
    assert np.allclose(places, places[0])
    assert not np.allclose(part.placement(0), part.placement(3))


def test_paths_begin_at_their_start():
    rng = np.random.default_rng(0)
    start = np.array([12.0, -7.0, 0.4, 0.2])
    path = draw_path(rng, start, speed_px=5.0, spin=0.1)
    assert np.allclose(path.placement(0), affine(12.0, -7.0, 0.4, np.exp(0.2)))


def test_speeds_and_bends_stay_in_bounds():
    rng = np.random.default_rng(0)
    speeds = [draw_speed(rng, (100, 200)) for _ in range(300)]
    assert min(speeds) > 0
    assert max(speeds) <= 24
    dx, dy = draw_bend(rng, 50, 0.0).shift(np.ones((1, 1)), np.ones((1, 1)), 3.0)
    assert dx == pytest.approx(0)
    assert dy == pytest.approx(0)


@pytest.mark.parametrize("bend", [None, draw_bend(np.random.default_rng(0), 60, 0.0)])
def test_backdrop_is_the_middle_of_its_canvas(bend):
    canvas = np.random.default_rng(1).integers(0, 255, (61, 81, 3)).astype(np.uint8)
    image = np.empty((31, 41, 3), np.uint8)
    draw_backdrop(image, canvas, affine(20, 15), bend, 0.0)
    assert np.array_equal(image, canvas[15:46, 20:61])
