"""Tasks that threads share: results, order, errors, and what they leave as it was."""

import threading
import time

import pytest
import torch

from propago.ops.parallel import Team, give_way, one_core, team


@torch.no_grad()
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_results_come_in_the_order_of_the_items(threads):
    workers = Team(threads)
    assert workers.map(lambda x: x * x, range(50)) == [x * x for x in range(50)]
    assert workers.map(str, []) == []


@torch.no_grad()
def test_several_threads_take_part():
    workers, meet = Team(2), threading.Barrier(2, timeout=20)
    workers.map(lambda _: meet.wait(), range(2))  # one thread alone would wait for ever


def test_what_is_done_later_is_done_by_whoever_is_free():
    workers, caller = Team(2), threading.get_ident()
    task = workers.later(threading.get_ident)
    until = time.monotonic() + 20
    while not task.done and time.monotonic() < until:
        time.sleep(0.01)
    assert workers.wait(task) != caller


def test_a_team_of_one_does_everything_when_it_is_waited_for():
    workers = Team(1)
    task = workers.later(threading.get_ident)
    assert not task.done
    assert workers.wait(task) == threading.get_ident()


@torch.no_grad()
def test_a_long_task_gives_way_to_what_is_waited_for():
    workers, begun, over = Team(2), threading.Event(), threading.Event()
    meet = threading.Barrier(2, timeout=20)

    def long():
        begun.set()
        while not over.is_set():
            give_way()

    task = workers.later(long)
    assert begun.wait(20)
    workers.map(lambda _: meet.wait(), range(2))  # the thread of the long task takes one of the two
    assert not task.done
    over.set()
    workers.wait(task)


def test_whoever_only_waits_for_a_team_does_not_give_way():
    task = Team(1).later(threading.get_ident)
    give_way()
    assert not task.done


@torch.no_grad()
@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_is_raised_where_the_result_is_asked_for(threads):
    workers = Team(threads)
    with pytest.raises(ZeroDivisionError):
        workers.map(lambda x: 1 // x, [1, 0, 2])
    assert workers.map(lambda x: 1 // x, [1]) == [1]


@torch.no_grad()
def test_tasks_inside_of_tasks():
    workers = Team(2)
    sums = workers.map(lambda x: sum(workers.map(lambda y: x * y, range(4))), range(6))
    assert sums == [6 * x for x in range(6)]


def test_without_gradients_none_are_kept_in_any_thread():
    weight, workers = torch.ones(1, requires_grad=True), Team(2)
    with torch.no_grad():
        assert not any(x.requires_grad for x in workers.map(lambda _: weight * 2, range(9)))
        task = workers.later(lambda: weight * 2)
        assert not workers.wait(task).requires_grad


def test_a_backward_pass_adds_up_in_the_order_of_the_items():
    """Rounding shows the order: operations of several threads would be undone in any."""
    order, workers = [], Team(3)
    weight = torch.ones(1, requires_grad=True)

    def work(i):
        product = weight * i
        product.register_hook(lambda _: order.append(i))
        return product

    sum(workers.map(work, range(20))).backward()
    assert order == list(reversed(range(20)))


def test_threads_of_pytorch_are_as_they_were():
    before, outside = torch.get_num_threads(), team()
    with one_core(), one_core():
        assert torch.get_num_threads() == 1
        assert team() is outside
        assert team().map(lambda _: torch.get_num_threads(), range(3)) == [1, 1, 1]
    assert torch.get_num_threads() == before
