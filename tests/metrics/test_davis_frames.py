"""J and F of single frames: hand-worked cases, a brute-force oracle, the official tool's values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propago.errors import MaskError, ShapeError
from propago.metrics.boundary import default_tolerance_px, disk_half_widths
from propago.metrics.davis import (
    boundary_accuracy,
    region_similarity,
    score_frame,
)


def brute_boundary(mask: np.ndarray) -> list[tuple[int, int]]:
    """The rule by loops: compare with the right, lower and lower-right pixel."""
    height, width = mask.shape
    points = []
    for y in range(height):
        for x in range(width):
            neighbours = []
            if x + 1 < width:
                neighbours.append(mask[y, x + 1])
            if y + 1 < height:
                neighbours.append(mask[y + 1, x])
            if x + 1 < width and y + 1 < height:
                neighbours.append(mask[y + 1, x + 1])
            if any(n != mask[y, x] for n in neighbours):
                points.append((y, x))
    return points


def brute_f(gt: np.ndarray, pred: np.ndarray, radius: int) -> float:
    """F by comparing all distances."""
    true, predicted = brute_boundary(gt), brute_boundary(pred)

    def near(point, others):
        return any((point[0] - y) ** 2 + (point[1] - x) ** 2 <= radius**2 for y, x in others)

    if not true and not predicted:
        return 1.0
    if not true or not predicted:
        return 0.0
    precision = sum(near(p, true) for p in predicted) / len(predicted)
    recall = sum(near(p, predicted) for p in true) / len(true)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def brute_j(gt: np.ndarray, pred: np.ndarray) -> float:
    union = (gt | pred).sum()
    return float((gt & pred).sum() / union) if union else 1.0


def random_maps(seed: int, size: tuple[int, int], ids: int) -> tuple[np.ndarray, np.ndarray]:
    """Coarse rectangles with speckles: areas, thin parts, single pixels, full frames."""
    rng = np.random.default_rng(seed)
    maps = []
    for _ in range(2):
        labels = np.zeros(size, np.uint8)
        for _ in range(ids):
            y0, x0 = rng.integers(0, size[0]), rng.integers(0, size[1])
            y1, x1 = y0 + rng.integers(1, size[0] + 1), x0 + rng.integers(1, size[1] + 1)
            labels[y0:y1, x0:x1] = rng.integers(0, ids + 1)
        speckles = rng.random(size) < 0.03
        labels[speckles] = rng.integers(0, ids + 1, speckles.sum())
        maps.append(labels)
    return maps[0], maps[1]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 16),
    width=st.integers(1, 20),
    radius=st.integers(0, 5),
)
def test_brute_force_oracle(seed, height, width, radius):
    gt, pred = random_maps(seed, (height, width), 3)
    j, f = score_frame(gt, pred, (1, 2, 3), radius)
    for k, object_id in enumerate((1, 2, 3)):
        assert j[k] == brute_j(gt == object_id, pred == object_id)
        assert f[k] == brute_f(gt == object_id, pred == object_id, radius)


def test_one_pixel_has_four_boundary_pixels():
    gt = np.zeros((20, 20), np.uint8)
    gt[10, 10] = 1
    assert len(brute_boundary(gt == 1)) == 4
    pred = np.zeros_like(gt)
    pred[10, 12] = 1
    assert boundary_accuracy(gt, pred, [1], tolerance_px=2)[0] == 1.0
    assert boundary_accuracy(gt, pred, [1], tolerance_px=1)[0] == 0.5
    assert region_similarity(gt, pred, [1])[0] == 0.0


def test_full_frame_has_no_boundary():
    full, empty = np.ones((12, 9), np.uint8), np.zeros((12, 9), np.uint8)
    assert score_frame(full, full, [1]) == (1.0, 1.0)
    assert score_frame(full, empty, [1]) == (0.0, 1.0)


def test_absent_from_both_is_perfect_and_from_one_is_zero():
    gt = np.zeros((30, 30), np.uint8)
    gt[5:9, 5:9] = 2
    j, f = score_frame(gt, np.zeros_like(gt), [1, 2])
    assert j.tolist() == [1.0, 0.0]
    assert f.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("size", "radius"),
    [((480, 854), 8), ((480, 910), 9), ((720, 1280), 12), ((1080, 1920), 18), ((75, 100), 1)],
)
def test_convention_tolerance(size, radius):
    assert default_tolerance_px(size) == radius


def test_convention_disk_is_inclusive():
    assert sum(2 * w + 1 for w in disk_half_widths(8)) * 2 - 17 == 197


def test_shift_up_to_the_tolerance_is_free():
    gt = np.zeros((60, 60), np.uint8)
    gt[20:40, 20:40] = 1
    for distance, expected in ((3, True), (4, False)):
        f = boundary_accuracy(gt, np.roll(gt, distance, 1), [1], tolerance_px=3)[0]
        assert (f == 1.0) == expected


@pytest.mark.parametrize("count", [1, 8, 9, 16, 17, 32, 33, 70])
def test_number_of_objects(count):
    gt, pred = random_maps(count, (40, 50), count)
    ids = range(1, count + 1)
    j, f = score_frame(gt, pred, ids, 2)
    for k in {0, count // 2, count - 1}:
        alone = score_frame((gt == k + 1), (pred == k + 1), [1], 2)
        assert (j[k], f[k]) == (alone[0][0], alone[1][0])


@pytest.mark.parametrize("ids", [(254, 255), (3, 1000), (7,)])
def test_any_id_any_integer_type_any_strides(ids):
    gt, pred = random_maps(4, (31, 47), len(ids))
    expected = score_frame(gt, pred, range(1, len(ids) + 1))
    table = np.array([0, *ids])
    for dtype in (np.int64, np.uint16, np.int32):
        far = score_frame(table[gt].astype(dtype), table[pred].astype(dtype), ids)
        np.testing.assert_array_equal(far, expected)
    flipped = score_frame(gt[::-1].T, pred[::-1].T, range(1, len(ids) + 1))
    np.testing.assert_array_equal(flipped[0], expected[0])


def test_boundary_accuracy_is_symmetric():
    gt, pred = random_maps(11, (50, 60), 4)
    ids = (1, 2, 3, 4)
    np.testing.assert_allclose(
        boundary_accuracy(gt, pred, ids), boundary_accuracy(pred, gt, ids), rtol=1e-15
    )


def test_refusals():
    with pytest.raises(ShapeError, match=r"\(4, 5\).*\(5, 4\)"):
        region_similarity(np.zeros((4, 5), np.uint8), np.zeros((5, 4), np.uint8), [1])
    with pytest.raises(MaskError, match="-1"):
        region_similarity(np.full((4, 5), -1), np.zeros((4, 5), np.uint8), [1])
