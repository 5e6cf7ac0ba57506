"""The compiled counts against their numpy twin: every number equal."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from propago.jobs import evaluate as job
from propago.metrics.counts import Counts, count_objects, count_pairs
from propago.metrics.scratch import Scratch

pytest.importorskip("numba", reason="numba (extra `fast`) is not installed")
from propago.metrics.compiled import measure_pairs

CASES = Path(__file__).parent.parent / "evalcases"
SIZES = [(1, 1), (1, 40), (33, 1), (7, 8), (9, 63), (12, 64), (5, 65), (31, 130)]


def maps(seed: int, size: tuple[int, int], ids: int) -> tuple[np.ndarray, np.ndarray]:
    """Rectangles, speckles, and frames that are full or empty."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(2):
        labels = np.full(size, rng.integers(0, ids + 1) * (rng.random() < 0.3), np.uint8)
        for _ in range(rng.integers(0, 2 * ids + 1)):
            y, x = rng.integers(0, size[0]), rng.integers(0, size[1])
            h, w = rng.integers(1, size[0] + 1), rng.integers(1, size[1] + 1)
            labels[y : y + h, x : x + w] = rng.integers(0, ids + 1)
        speckles = rng.random(size) < rng.choice([0, 0.02, 0.5])
        labels[speckles] = rng.integers(0, ids + 1, speckles.sum())
        made.append(labels)
    return made[0], made[1]


def assert_equal(found: Counts, twin: Counts) -> None:
    for field in fields(Counts):
        assert np.array_equal(getattr(found, field.name), getattr(twin, field.name)), field.name


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ids", [1, 3, 9, 33])
def test_equal_ids_and_all_pairs_are_the_twin(size, ids):
    compiled, twin = Scratch(compiled=True), Scratch()
    for seed, radius in enumerate((0, 1, 2, 8, 70)):
        gt, pred = maps(seed, size, ids)
        arguments = ids, radius
        assert_equal(
            count_objects(gt, pred, *arguments, compiled),
            count_objects(gt, pred, *arguments, twin),
        )
        assert_equal(
            count_pairs(gt, pred, ids, ids, radius, compiled),
            count_pairs(gt, pred, ids, ids, radius, twin),
        )


def test_rows_that_are_not_contiguous():
    gt, pred = maps(5, (20, 31), 4)
    wide = np.zeros((20, 32), np.uint8)
    wide[:, 1:] = gt
    assert_equal(
        count_objects(wide[:, 1:], pred, 4, 2, Scratch(compiled=True)),
        count_objects(gt, pred, 4, 2, Scratch()),
    )


def test_too_much_boundary_is_left_to_the_twin():
    noise = np.random.default_rng(0).integers(0, 4, (300, 400), np.uint8)
    assert measure_pairs(noise, noise, (3, 3), 2, Scratch(compiled=True), True) is None
    counts = count_objects(noise, noise, 3, 2, Scratch(compiled=True))
    assert_equal(counts, count_objects(noise, noise, 3, 2, Scratch()))


@pytest.mark.parametrize(
    ("results", "protocol"),
    [("preds/noisy", "davis2017"), ("preds_unsup/surplus", "davis-unsupervised")],
)
def test_a_whole_evaluation_is_the_same(monkeypatch, results, protocol):
    found = []
    for least in (0, 10**9):
        monkeypatch.setattr(job, "COMPILED_FROM_FRAMES", least)
        found.append(job.evaluate(CASES / results, CASES / "davis", protocol).to_json())
    assert found[0] == found[1]
