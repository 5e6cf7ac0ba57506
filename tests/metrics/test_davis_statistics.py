"""Mean, recall and decay against the official tool's values and against hand-worked ones."""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from propago.metrics.statistics import decay, mean, recall

EXPECTED = json.loads(
    (Path(__file__).parent.parent / "evalcases/expected/statistics.json").read_text()
)
FIRST_OVERFLOW = 256
QUARTERS = 4


def values(count: int) -> np.ndarray:
    return ((np.arange(count) * 37) % 101) / 100


def integer_decay(scores: list[float]) -> float:
    """The cuts by integer arithmetic: 1 + i (T - 1) / 4, halves up, counted from 0."""
    steps = len(scores) - 1
    cuts = [(i * steps * 2 + QUARTERS) // (2 * QUARTERS) for i in range(QUARTERS + 1)]
    bins = [scores[a : b + 1] for a, b in pairwise(cuts)]
    return math.fsum(bins[0]) / len(bins[0]) - math.fsum(bins[3]) / len(bins[3])


@pytest.mark.parametrize("count", [int(n) for n in EXPECTED["n"]])
def test_official_values(count):
    scores = values(count)
    official_mean, official_recall, official_decay = EXPECTED["n"][str(count)]
    assert mean(scores) == official_mean
    assert recall(scores) == official_recall
    if count < FIRST_OVERFLOW:
        assert decay(scores) == official_decay


@pytest.mark.parametrize("count", [1, 2, 3, 5, 254, 255, 256, 257, 511, 512, 513, 5000])
def test_decay_with_whole_number_cuts(count):
    scores = values(count)
    assert decay(scores) == pytest.approx(integer_decay(scores.tolist()), abs=1e-12)


def test_a_missing_score_is_a_miss_and_not_in_the_mean():
    scores = values(12)
    scores[[0, 5]] = math.nan
    found = [mean(scores), recall(scores), decay(scores)]
    assert found == EXPECTED["nan_at_0_5_n12"]


def test_half_is_a_miss():
    scores = np.full(8, 0.5)
    assert [mean(scores), recall(scores), decay(scores)] == EXPECTED["all_half_n8"]


def test_nothing_has_no_statistics():
    for scores in (np.array([]), np.array([math.nan])):
        assert math.isnan(mean(scores))
        assert math.isnan(decay(scores))
