"""Every step is taken back and done again: masks, names, who is who; of objects and tracks."""

import json

import numpy as np
import pytest

from propago.studio.history import History, Said
from propago.types import Annotation
from studio_client import SIZE, TOKEN, studio, track_frames_of, write_frames


def told(page):
    """All that a page is told, but for the number of steps."""
    said = page.get("api/project").json()
    return {key: said[key] for key in ("objects", "annotations", "classes", "figures")}


def state(page, frames=(0, 2, 5)):
    return json.dumps(told(page)), [page.masks(t).tobytes() for t in frames]


def undo_and_redo(page, before, after):
    """That one undo leads from `after` to `before`, and one redo back."""
    assert state(page) == after
    assert page.post("api/undo").status_code == 200
    assert state(page) == before
    assert page.post("api/redo").status_code == 200
    assert state(page) == after


def test_drawn_masks_names_and_deletions_are_taken_back_in_order(tmp_path):
    truth = write_frames(tmp_path / "frames")
    with studio(tmp_path) as page:
        objects = {
            "1": {"name": "ball", "colour": "#aabbcc"},
            "2": {"name": "b", "colour": "#ddeeff"},
        }
        steps = [
            lambda: page.draw(0, truth[0]),
            lambda: page.draw(2, truth[2] == 1),
            lambda: page.client.put(f"/{TOKEN}/api/objects", json=objects),
            lambda: page.post("api/identities/2", what="merge", object=2, other=1),
            lambda: page.draw(2, np.zeros(SIZE)),
            lambda: page.client.delete(f"/{TOKEN}/api/objects/1"),
        ]
        states = [state(page)]
        for step in steps:
            assert step().status_code == 200
            states.append(state(page))
            undo_and_redo(page, *states[-2:])
        assert page.get("api/project").json()["steps"] == [len(steps), 0]
        for before in reversed(states[:-1]):
            page.post("api/undo")
            assert state(page) == before
        answer = page.post("api/undo")
        assert (answer.status_code, answer.json()["message"]) == (409, "there is nothing to undo")
    with studio(tmp_path) as page:
        assert told(page)["annotations"] == {}


def test_the_frame_whose_masks_come_back_is_told(tmp_path):
    truth = write_frames(tmp_path / "frames")
    with studio(tmp_path) as page:
        page.draw(3, truth[3])
        page.client.delete(f"/{TOKEN}/api/objects/1")
        assert page.post("api/undo").json() == {"index": 3}
        page.draw(0, truth[0])
        page.client.delete(f"/{TOKEN}/api/objects/1")
        assert page.post("api/undo").json() == {"index": None}


def test_something_new_leaves_nothing_to_be_done_again(tmp_path):
    truth = write_frames(tmp_path / "frames")
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        page.post("api/undo")
        page.draw(1, truth[1])
        assert page.get("api/project").json()["steps"] == [1, 0]
        assert page.post("api/redo").status_code == 409


def test_what_is_refused_is_no_step(tmp_path):
    write_frames(tmp_path / "frames")
    with studio(tmp_path) as page:
        page.post("api/identities/0", what="swap", object=1, other=9)
        page.draw(0, np.zeros(SIZE))
        assert page.get("api/project").json()["steps"] == [0, 0]


@pytest.mark.parametrize(
    "step",
    [
        {"what": "swap", "object": 1, "other": 2},
        {"what": "merge", "object": 2, "other": 1},
        {"what": "split", "object": 1},
        "delete",
        "class",
        "draw",
    ],
)
def test_corrections_of_tracks_are_taken_back(tmp_path, step):
    labels = track_frames_of(tmp_path)
    with studio(tmp_path, masks=tmp_path / "tracked") as page:
        page.draw(2, np.where(labels[2] == 2, 1, 0))
        before = state(page)
        if step == "delete":
            page.client.delete(f"/{TOKEN}/api/objects/2")
        elif step == "draw":
            page.draw(5, labels[2])
        elif step == "class":
            objects = told(page)["objects"]
            objects["1"]["class_name"] = "cat"
            page.client.put(f"/{TOKEN}/api/objects", json=objects)
        else:
            page.post("api/identities/4", **step)
        after = state(page)
        assert before != after
        undo_and_redo(page, before, after)
        page.post("api/undo")
        page.post("api/undo")
        assert page.post("api/save").status_code == 200
        for name in ("tracks.csv", "tracks.json"):
            there = [(tmp_path / folder / name).read_text() for folder in ("out", "tracked")]
            assert there[0] == there[1]
        assert json.loads((tmp_path / "out" / "run.json").read_text())["corrections"] == []


def test_the_oldest_steps_go_where_masks_are_large():
    history, mask = History(frame_bytes=20_000_000), Annotation(np.ones((1, 1), np.uint8))
    said = [Said({t: mask}, {}) for t in range(21)]
    for before in said[:20]:
        history.add(before)
    assert history.steps == (12, 0)
    for t in range(19, 7, -1):
        assert history.undo(said[t + 1]) is said[t]
    assert history.undo(said[8]) is None
    assert History(frame_bytes=1).steps == (0, 0)
