"""The studio sees that two objects changed places: in runs, in folders it opens, in tracks."""

import numpy as np
import pytest
from PIL import Image

from propago.io.masks import write_mask
from propago.jobs.options import TrackOptions
from propago.jobs.track import track
from studio_client import studio

SIZE, FRAMES, CHANGED = (48, 96), 16, 8


@pytest.fixture
def crossed(tmp_path):
    """Label maps of a red and a blue square that meet and part; from `CHANGED` on exchanged."""
    (tmp_path / "frames").mkdir()
    maps = []
    for t in range(FRAMES):
        labels = np.zeros(SIZE, np.uint8)
        labels[10:26, 4 + 4 * t : 20 + 4 * t] = 1
        labels[24:40, 76 - 4 * t : 92 - 4 * t] = 2
        rgb = np.array([(40, 90, 40), (200, 30, 30), (30, 30, 200)], np.uint8)[labels]
        Image.fromarray(rgb).save(tmp_path / "frames" / f"{t:05d}.png")
        maps.append(labels if t < CHANGED else np.array([0, 2, 1], np.uint8)[labels])
    return maps


def swaps_of(page):
    return [(s["index"], s["one"], s["other"]) for s in page.get("api/project").json()["swaps"]]


def reasons(page):
    return [(s["object"], s["reason"], s["other"]) for s in page.get("api/review").json()]


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_masks_that_a_run_has_written_are_looked_at_also_when_the_folder_is_opened(
    crossed, tmp_path
):
    with studio(tmp_path) as page:
        for t, labels in enumerate(crossed):
            page.draw(t, labels)
        assert page.run()["state"] == "done"
        told = swaps_of(page)
        assert [said[1:] for said in told] == [(1, 2)]
    with studio(tmp_path) as page:
        assert swaps_of(page) == told
        for t in range(CHANGED, FRAMES):
            page.draw(t, np.array([0, 2, 1], np.uint8)[crossed[t]])
        assert page.run()["state"] == "done"
        assert swaps_of(page) == []


def test_tracks_that_changed_places_are_said_until_they_are_swapped_back(crossed, tmp_path):
    (tmp_path / "found").mkdir()
    for t, labels in enumerate(crossed):
        write_mask(tmp_path / "found" / f"{t:05d}.png", labels)
    options = TrackOptions(overlay=False)
    track(tmp_path / "frames", tmp_path / "found", out=tmp_path / "tracked", options=options)
    with studio(tmp_path, masks=tmp_path / "tracked") as page:
        assert swaps_of(page) == []
        page.post(f"api/identities/{CHANGED}", what="swap", object=1, other=2)
        ((index, one, other),) = swaps_of(page)
        assert (one, other) == (1, 2)
        assert index >= CHANGED
        assert reasons(page)[0] == (1, "swap", 2)
        page.post("api/undo")
        assert swaps_of(page) == []


def test_an_object_that_looks_unlike_what_was_drawn_is_worth_a_look(crossed, tmp_path):
    wrong = np.zeros(SIZE, np.uint8)
    wrong[40:47, :40] = 1
    with studio(tmp_path) as page:
        page.draw(0, crossed[0])
        page.draw(3, wrong)
        page.run()
        page.draw(3, np.zeros(SIZE))
        assert (1, "unlike", None) in reasons(page)
