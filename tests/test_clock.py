import pytest

from propago import clock as module
from propago.clock import Clock


@pytest.fixture
def passes(monkeypatch):
    """Lets so many seconds pass."""
    now = [100.0]
    monkeypatch.setattr(module, "perf_counter", lambda: now[0])

    def passed(seconds):
        now[0] += seconds

    return passed


def test_a_part_within_another_counts_for_itself_alone(passes):
    clock = Clock()
    with clock.of("outer"):
        passes(1)
        with clock.of("inner", 2):
            passes(2)
            with clock.of("innermost"):
                passes(4)
        with clock.of("inner"):
            passes(8)
        passes(16)
    assert clock.counts == {"innermost": 1, "inner": 3, "outer": 1}
    assert clock.seconds == {"innermost": 4, "inner": 10, "outer": 17}


def test_a_part_after_another_has_all_of_its_seconds(passes):
    clock = Clock()
    for seconds in (1, 2):
        with clock.of("one"):
            passes(seconds)
    assert clock.seconds == {"one": 3}


def test_a_clock_that_is_not_active_counts_nothing():
    clock = Clock(active=False)
    with clock.of("a"):
        clock.add("b", 1.0)
    assert not clock.seconds
