import time

from propago.clock import Clock


def test_a_part_within_another_counts_for_itself_alone():
    clock, began = Clock(), time.perf_counter()
    with clock.of("outer"):
        with clock.of("inner", 2):
            time.sleep(0.05)
            with clock.of("innermost"):
                time.sleep(0.05)
        with clock.of("inner"):
            time.sleep(0.05)
    whole = time.perf_counter() - began
    assert clock.counts == {"innermost": 1, "inner": 3, "outer": 1}
    assert abs(sum(clock.seconds.values()) - whole) < 0.01
    assert clock.seconds["outer"] < 0.05
    assert 0.1 <= clock.seconds["inner"] < 0.15


def test_a_clock_that_is_not_active_counts_nothing():
    clock = Clock(active=False)
    with clock.of("a"):
        clock.add("b", 1.0)
    assert not clock.seconds
