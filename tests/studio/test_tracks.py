"""Tracks that `track` found: named, joined, parted, deleted; and saved so that all agree."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from propago.errors import MaskError, UsageError
from propago.io.formats.track_run import read_instances
from propago.io.video import open_source
from propago.jobs.options import TrackOptions
from propago.jobs.track import track
from propago.runs.output_folder import OutputFolder
from propago.studio.opening import open_project
from studio_client import FRAMES, SIZE, TOKEN, studio, track_frames_of, write_frames


@pytest.fixture
def found(tmp_path):
    """The label maps of the tracks in `tracked`: as they were found."""
    track_frames_of(tmp_path)
    return [_mask(tmp_path / "tracked", t) for t in range(FRAMES)]


@pytest.fixture
def page(found, tmp_path):
    with studio(tmp_path, masks=tmp_path / "tracked") as page:
        yield page


def _mask(folder, index):
    with Image.open(folder / "masks" / f"{index:05d}.png") as mask:
        return np.asarray(mask)


def saved(page, place):
    """The saved label maps, after a look that every file says the same."""
    assert page.post("api/save").json() == {"path": str(place / "out")}
    maps = [_mask(place / "out", t) for t in range(FRAMES)]
    (video,) = read_instances(place / "out")
    for labels, (_, instances) in zip(maps, video, strict=True):
        np.testing.assert_array_equal(instances.labels(), labels)
    areas = {(t, i): int((m == i).sum()) for t, m in enumerate(maps) for i in np.unique(m) if i}
    with (place / "out" / "tracks.csv").open() as file:
        table = list(csv.DictReader(file))
    assert {(int(r["frame"]), int(r["id"])): int(r["area_px"]) for r in table} == areas
    tracks = json.loads((place / "out" / "tracks.json").read_text())
    there = {(t, x["id"]) for x in tracks for t, s in enumerate(x["segmentations"]) if s}
    assert there == set(areas)
    return maps, table, tracks


def test_tracks_are_shown_with_classes_and_saved_as_they_are(page, found, tmp_path):
    told = page.get("api/project").json()
    assert told["tracks"] is True
    assert told["classes"] == {"1": "object", "2": "object"}
    assert told["objects"]["1"]["name"] == "object 1"
    assert told["figures"]["3"]["2"][0] == (found[3] == 2).sum()
    maps, _, _ = saved(page, tmp_path)
    np.testing.assert_array_equal(maps, found)
    for name in ("tracks.csv", "tracks.json"):
        assert (tmp_path / "out" / name).read_text() == (tmp_path / "tracked" / name).read_text()


def test_a_name_stands_in_the_files(page, tmp_path):
    objects = page.get("api/project").json()["objects"]
    objects["2"]["name"] = "Anna"
    assert page.client.put(f"/{TOKEN}/api/objects", json=objects).status_code == 200
    _, table, tracks = saved(page, tmp_path)
    assert {(r["id"], r["label"]) for r in table} == {("1", ""), ("2", "Anna")}
    assert [track.get("name") for track in tracks] == [None, "Anna"]


def test_two_that_are_one_are_joined(page, found, tmp_path):
    assert page.post("api/identities/3", what="merge", object=2, other=1).status_code == 200
    maps, _, tracks = saved(page, tmp_path)
    np.testing.assert_array_equal(maps, np.array(found) > 0)
    assert [track["id"] for track in tracks] == [1]
    assert list(page.get("api/project").json()["objects"]) == ["1"]


def test_one_that_is_two_is_parted_and_a_part_is_deleted(page, found, tmp_path):
    assert page.post("api/identities/4", what="split", object=1).status_code == 200
    behind = np.arange(FRAMES)[:, None, None] >= 4
    parted = np.where(behind & (np.array(found) == 1), 3, found)
    np.testing.assert_array_equal(saved(page, tmp_path)[0], parted)
    assert page.client.delete(f"/{TOKEN}/api/objects/3").status_code == 200
    np.testing.assert_array_equal(saved(page, tmp_path)[0], np.where(parted == 3, 0, parted))


def test_those_that_changed_places_are_swapped(page, found, tmp_path):
    assert page.post("api/identities/5", what="swap", object=1, other=2).status_code == 200
    swapped = [m if t < 5 else np.array([0, 2, 1])[m] for t, m in enumerate(found)]
    np.testing.assert_array_equal(saved(page, tmp_path)[0], swapped)


def test_what_is_drawn_stands_in_its_frame_and_follows_its_track(page, found, tmp_path):
    drawn = np.zeros(SIZE, np.uint8)
    drawn[2:12, 30:50] = 1
    assert page.draw(2, drawn).status_code == 200
    shown = page.masks(2)
    np.testing.assert_array_equal(shown == 1, drawn == 1)
    np.testing.assert_array_equal(saved(page, tmp_path)[0][2], shown)
    page.post("api/identities/0", what="swap", object=1, other=2)
    np.testing.assert_array_equal(saved(page, tmp_path)[0][2], np.array([0, 2, 1])[shown])


def test_corrections_are_kept_and_gone_on_with_and_the_tracks_stay(found, tmp_path):
    for t in range(2):
        with studio(tmp_path, masks=tmp_path / "tracked" if t == 0 else None) as page:
            if t == 0:
                page.post("api/identities/3", what="merge", object=2, other=1)
                assert not (tmp_path / "out" / "tracks.json").exists()
            np.testing.assert_array_equal(page.masks(3), found[3] > 0)
    np.testing.assert_array_equal(_mask(tmp_path / "tracked", 3), found[3])


def test_exports_hold_the_corrected_tracks(page):
    page.post("api/identities/3", what="merge", object=2, other=1)
    for name in ("masks", "youtube-vis", "overlay"):
        assert page.post(f"api/exports/{name}").status_code == 200
    assert len(json.loads(page.get("api/exports/youtube-vis").content)["annotations"]) == 1


@pytest.mark.parametrize(
    ("path", "fields", "says"),
    [
        ("run", {"overwrite": False}, "corrected and saved"),
        ("identities/0", {"what": "split", "object": 1}, "behind the first"),
        ("identities/3", {"what": "split", "object": 9}, "no object 9"),
        ("identities/3", {"what": "merge", "object": 1, "other": 1}, "choose two"),
        ("identities/3", {"what": "swap", "object": 1}, "needs `other`"),
    ],
)
def test_what_cannot_be_done_with_tracks_says_why(page, found, path, fields, says):
    answer = page.post(f"api/{path}", **fields)
    assert answer.status_code == 409
    assert says in answer.json()["message"]
    np.testing.assert_array_equal(page.masks(5), found[5])


def test_saving_is_of_tracks(tmp_path):
    write_frames(tmp_path / "frames")
    with studio(tmp_path) as page:
        assert "no tracks to save" in page.post("api/save").json()["message"]


def test_folders_and_sources_that_do_not_fit_are_refused(found, tmp_path):
    source, tracked = open_source(tmp_path / "frames"), tmp_path / "tracked"
    with pytest.raises(UsageError, match="stays: choose another `out`"):
        open_project(source, OutputFolder(tracked), tracked)
    (tmp_path / "other" / "annotations").mkdir(parents=True)
    with pytest.raises(UsageError, match="holds other masks"):
        open_project(source, OutputFolder(tmp_path / "other"), tracked)
    write_frames(tmp_path / "larger", size=(50, 70))
    with pytest.raises(MaskError, match="the video that was tracked"):
        open_project(open_source(tmp_path / "larger"), OutputFolder(tmp_path / "out"), tracked)


def told_objects(page):
    return page.get("api/project").json()["objects"]


def rename(page, object_id, **fields):
    objects = told_objects(page)
    objects[str(object_id)] |= fields
    assert page.client.put(f"/{TOKEN}/api/objects", json=objects).status_code == 200


def test_another_class_stands_in_all_files_and_the_name_after_the_class_follows(page, tmp_path):
    rename(page, 2, class_name="cat")
    assert told_objects(page)["2"]["name"] == "cat 2"
    assert page.get("api/project").json()["classes"] == {"1": "object", "2": "cat"}
    _, table, tracks = saved(page, tmp_path)
    assert {(r["id"], r["class_id"], r["class"]) for r in table} == {
        ("1", "1", "object"),
        ("2", "2", "cat"),
    }
    assert [(track["category_id"], track.get("name")) for track in tracks] == [(1, None), (2, None)]
    assert page.post("api/exports/youtube-vis").status_code == 200
    made = json.loads(page.get("api/exports/youtube-vis").content)
    assert [c["name"] for c in made["categories"]] == ["object", "cat"]
    rename(page, 2, class_name=None)
    assert saved(page, tmp_path)[2][1]["category_id"] == 1


def test_a_part_keeps_the_class_and_what_is_drawn_anew_has_the_usual_one(page, tmp_path):
    rename(page, 1, class_name="cat", name="Tom")
    rename(page, 2, class_name="cat")
    page.post("api/identities/4", what="split", object=1)
    drawn = np.zeros(SIZE, np.uint8)
    drawn[40:46, 2:12] = 4
    page.draw(0, drawn)
    objects = told_objects(page)
    assert (objects["3"]["name"], objects["3"]["class_name"]) == ("cat 3", "cat")
    assert page.get("api/project").json()["classes"] == dict.fromkeys("123", "cat") | {
        "4": "object"
    }
    _, _, tracks = saved(page, tmp_path)
    assert [track["category_id"] for track in tracks] == [2, 2, 2, 1]


def test_the_record_says_what_was_done_by_hand_and_to_what(page, found, tmp_path):
    rename(page, 1, name="Anna")
    rename(page, 1, class_name="cat")
    page.post("api/identities/4", what="split", object=1)
    page.client.delete(f"/{TOKEN}/api/objects/2")
    page.draw(2, np.where(found[2] == 1, 1, 0))
    page.post("api/save")
    record = OutputFolder(tmp_path / "out").read_record()
    assert record["status"] == "corrected"
    assert record["corrections"] == [
        {"what": "name", "object": 1, "name": "Anna"},
        {"what": "class", "object": 1, "class": "cat", "was": "object"},
        {"what": "split", "object": 1, "other": 3, "frame": 4},
        {"what": "delete", "object": 2, "name": "object 2"},
        {"what": "draw", "frame": 2, "objects": [1]},
    ]
    tracker = OutputFolder(tmp_path / "tracked").read_record()
    assert record["tracked"] == tracker
    assert tracker["status"] == "done"
    with pytest.raises(UsageError, match="corrected by hand"):
        track(
            tmp_path / "frames",
            tmp_path / "found",
            out=tmp_path / "out",
            options=TrackOptions(overlay=False, resume=True),
        )


def test_corrected_tracks_are_corrected_again_and_the_record_says_both(page, tmp_path):
    rename(page, 1, name="Anna")
    page.post("api/save")
    source = open_source(tmp_path / "frames")
    again = open_project(source, OutputFolder(tmp_path / "again"), tmp_path / "out")
    assert again.objects[1].name == "Anna"
    again.forget_object(2)
    again.save()
    record = OutputFolder(tmp_path / "again").read_record()
    assert [said["what"] for said in record["corrections"]] == ["name", "delete"]
    assert record["tracked"] == OutputFolder(tmp_path / "tracked").read_record()
