"""The log of the frames of a run, when it is read again."""

import json

import pytest

from propago.errors import OutputError
from propago.runs.journal import FrameLog, names_behind

LINES = [
    {"index": t, "name": f"{t:05}", "objects": {"1": {"area": 9, "score": 0.9}}} for t in range(4)
]


def written(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_lines_behind_the_last_index_are_cut_off(tmp_path):
    path = written(tmp_path / "frames.jsonl", LINES)
    FrameLog(path, 1).close()
    assert len(path.read_text().splitlines()) == 2
    assert names_behind(path, 0) == ["00001"]


@pytest.mark.parametrize(
    "line", [None, 3, [], {}, {"index": None}, {"index": 1}, {"index": 1, "objects": {"1": 3}}]
)
def test_a_damaged_line_is_an_error_that_names_the_file(tmp_path, line):
    path = written(tmp_path / "frames.jsonl", [LINES[0], line, *LINES[2:]])
    with pytest.raises(OutputError, match=r"frames.jsonl is damaged .*; `overwrite` begins again"):
        FrameLog(path, 3)


def test_a_log_that_ends_before_the_checkpoint_is_damaged(tmp_path):
    path = written(tmp_path / "frames.jsonl", LINES[:2])
    with pytest.raises(OutputError, match="it lacks frame 3"):
        FrameLog(path, 3)


@pytest.mark.parametrize("name", ["../../mine", "a/b", 3, None])
def test_no_frame_is_called_like_a_path(tmp_path, name):
    path = written(tmp_path / "frames.jsonl", [LINES[0] | {"name": name}])
    with pytest.raises(OutputError, match="is damaged"):
        names_behind(path, None)


@pytest.mark.parametrize("order", [[0, 0, 1, 2, 3], [0, 2, 1, 3]])
def test_frames_come_once_and_in_order(tmp_path, order):
    path = written(tmp_path / "frames.jsonl", [LINES[t] for t in order])
    with pytest.raises(OutputError, match=r"frame \d follows frame \d"):
        FrameLog(path, 3)
