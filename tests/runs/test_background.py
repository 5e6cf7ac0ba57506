import threading
import time
from collections import deque

import pytest
import torch

from propago.runs.background import BackgroundWriter, Prefetcher


def test_items_come_in_order_and_only_a_few_ahead():
    drawn = []
    ahead = Prefetcher((drawn.append(i) or i for i in range(50)), depth=3)
    running = iter(ahead)
    assert next(running) == 0
    time.sleep(0.05)
    assert len(drawn) <= 6
    assert list(running) == list(range(1, 50))


def test_an_error_comes_after_the_items_before_it():
    def broken():
        yield from range(3)
        raise OSError("gone")

    got = []
    with pytest.raises(OSError, match="gone"):
        deque(map(got.append, Prefetcher(broken())))
    assert got == [0, 1, 2]


def test_a_consumer_that_stops_early_ends_the_thread():
    ahead = Prefetcher(iter(range(10**9)), depth=2)
    next(iter(ahead))
    ahead.close()
    assert "propago-fetch" not in [t.name for t in threading.enumerate()]


def test_everything_is_put_away_in_order():
    done = []
    away = BackgroundWriter(done.append, depth=2)
    for i in range(20):
        away.put(i)
    away.finish()
    assert done == list(range(20))


def test_the_first_error_is_raised_and_nothing_is_written_after_it():
    done = []

    def work(i):
        if i == 2:
            raise OSError("disk full")
        done.append(i)

    away = BackgroundWriter(work, depth=1)
    with pytest.raises(OSError, match="disk full"):
        deque(map(away.put, range(20)))
    with pytest.raises(OSError, match="disk full"):
        away.finish()
    assert done == [0, 1]


def test_beside_the_main_thread_pytorch_works_on_one_core_and_there_as_before():
    seen, before = [], torch.get_num_threads()
    away = BackgroundWriter(lambda _: seen.append(torch.get_num_threads()))
    with Prefetcher(torch.get_num_threads() for _ in range(2)) as fetched:
        for threads in fetched:
            seen.append(threads)
            away.put(None)
    away.finish()
    assert seen == [1] * 4
    assert torch.get_num_threads() == before
    torch.set_num_threads(before)
