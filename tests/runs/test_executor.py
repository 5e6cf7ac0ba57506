import os
import signal
import subprocess
import sys

import pytest

from propago.errors import PropagoError, UsageError
from propago.runs.executor import map_tasks


class Squares:
    """Counts in each process how often it was used."""

    def __init__(self):
        self.used = 0

    def __call__(self, task):
        self.used += 1
        if task is None:
            raise UsageError("no number")
        return task * task, self.used, os.getpid()


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order_and_what_work_keeps_serves_all_tasks_of_a_process(jobs):
    results = list(map_tasks(Squares(), range(6), jobs))
    assert [square for square, _, _ in results] == [0, 1, 4, 9, 16, 25]
    by_process = {}
    for _, used, process in results:
        by_process.setdefault(process, []).append(used)
    assert all(sorted(used) == list(range(1, len(used) + 1)) for used in by_process.values())
    assert (os.getpid() in by_process) == (jobs == 1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_comes_after_the_results_before_it(jobs):
    got = []
    with pytest.raises(UsageError, match="no number"):
        got.extend(result[0] for result in map_tasks(Squares(), [2, None, 3], jobs))
    with pytest.raises(UsageError, match="at least 1"):
        next(map_tasks(Squares(), [1], 0))


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from propago.runs.executor import map_tasks\nprint(list(map_tasks(abs, [1, 2], 2)))\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "PropagoError" in ended.stderr
    assert '__name__ == "__main__"' in ended.stderr


def test_a_process_that_dies_is_an_error():
    with pytest.raises(PropagoError, match="ended by itself"):
        list(map_tasks(os._exit, [3], 2))


def killed_by_three(task):
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_what_a_killed_process_had_is_said_and_another_does_the_rest():
    results = map_tasks(killed_by_three, range(6), 2, lambda task, how: f"{task}: {how}")
    assert list(results) == [0, 1, 2, "3: signal SIGKILL", 4, 5]
    results = map_tasks(os._exit, [3, 4], 2, lambda task, how: how)
    assert list(results) == ["exit code 3", "exit code 4"]


def test_an_error_of_a_process_has_its_traceback():
    with pytest.raises(ZeroDivisionError) as caught:
        list(map_tasks(divmod_by, [0], 2))
    assert "divmod_by" in caught.value.__notes__[0]


def divmod_by(number):
    return divmod(1, number)
