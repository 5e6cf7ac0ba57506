"""What a page does with the server: draw, carry, correct, cancel, review, export, come back."""

import json
from io import BytesIO
from threading import Event
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from propago.jobs.options import SegmentOptions
from propago.jobs.segment import segment
from studio_client import FRAMES, SIZE, TOKEN, slow_follower, studio, write_frames


def test_the_page_and_its_modules_are_served(truth, tmp_path):
    with studio(tmp_path) as page:
        html = page.get("")
        assert html.headers["content-type"].startswith("text/html")
        assert 'src="main.js"' in html.text
        module = page.get("main.js")
        assert module.headers["content-type"].startswith("text/javascript")
        for line in module.text.splitlines():
            if line.startswith("import "):
                assert page.get(line.split('"./')[1].rstrip('";')).status_code == 200


def test_a_picture_is_a_jpeg_of_the_frames_own_size(truth, tmp_path):
    with studio(tmp_path) as page:
        answer = page.get("api/pictures/3")
        with (
            Image.open(BytesIO(answer.content)) as picture,
            Image.open(tmp_path / "frames" / "00003.png") as true,
        ):
            assert picture.format == "JPEG"
            assert picture.size == (SIZE[1], SIZE[0])
            assert np.abs(np.asarray(picture, int) - np.asarray(true, int)).mean() < 6


def test_drawn_masks_are_carried_and_lie_where_segment_finds_them(truth, tmp_path):
    with studio(tmp_path) as page:
        assert page.draw(0, truth[0]).status_code == 200
        assert page.run()["state"] == "done"
        told = page.get("api/project").json()
        assert told["annotations"] == {"0": [1, 2]}
        assert sorted(map(int, told["figures"])) == list(range(FRAMES))
        assert told["figures"]["0"]["1"][0] == (truth[0] == 1).sum()
        assert (page.masks(0) == truth[0]).all()
        found = page.masks(4)
    result = segment(
        tmp_path / "frames",
        tmp_path / "out" / "annotations",
        out=tmp_path / "out",
        method="optical_flow",
        options=SegmentOptions(overlay=False, resume=True),
    )
    assert result.frames == FRAMES
    with studio(tmp_path) as page:
        assert (page.masks(4) == found).all()
        assert page.get("api/project").json()["annotations"] == {"0": [1, 2]}


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_a_correction_stands_in_its_frame_and_is_carried_on(truth, tmp_path):
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        page.run()
        before = [page.masks(t) for t in range(FRAMES)]
        correction = np.zeros(SIZE, np.uint8)
        correction[2:12, 40:60] = 1
        page.draw(5, correction)
        shown = page.masks(5)
        assert ((shown == 1) == (correction == 1)).all()
        assert ((shown == 2) == ((before[5] == 2) & (correction == 0))).all()
        assert page.run()["state"] == "done"
        for t in range(5):
            assert (page.masks(t) == before[t]).all()
        assert ((page.masks(5) == 1) == (correction == 1)).all()
        assert (page.masks(6) == 1)[2:12, 40:60].mean() > 0.5


def test_what_is_taken_back_is_forgotten(truth, tmp_path):
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        page.draw(3, truth[3] == 2)
        assert (tmp_path / "out" / "annotations" / "00003.png").is_file()
        page.draw(3, np.zeros(SIZE))
        assert not (tmp_path / "out" / "annotations" / "00003.png").exists()
        assert page.get("api/project").json()["annotations"] == {"0": [1, 2]}


def test_another_first_mask_is_asked_about_before_results_go(truth, tmp_path):
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        page.run()
        page.draw(0, truth[0] == 1)
        refused = page.run()
        assert refused["state"] == "refused"
        assert "first" in refused["message"]
        assert (tmp_path / "out" / "masks" / "00007.png").is_file()
        assert page.run(overwrite=True)["state"] == "done"
        assert set(np.unique(page.masks(FRAMES - 1))) <= {0, 1}


def test_a_run_is_cancelled_and_gone_on_with(truth, tmp_path):

    reached, go_on = Event(), Event()
    with studio(tmp_path, slow_follower(tmp_path, 3, reached, go_on)) as page:
        page.draw(0, truth[0])
        page.post("api/run", overwrite=False)
        assert reached.wait(10)
        assert page.post("api/run", overwrite=False).status_code == 409
        page.client.delete(f"/{TOKEN}/api/run")
        go_on.set()
        assert page.wait()["state"] == "cancelled"
        assert 3 <= len(page.get("api/project").json()["figures"]) < FRAMES
        assert page.run()["state"] == "done"
        assert len(page.get("api/project").json()["figures"]) == FRAMES


def test_everything_that_happens_is_told_to_every_page(truth, tmp_path):
    with studio(tmp_path) as page, page.listen() as one, page.listen() as other:
        page.draw(0, truth[0])
        page.post("api/run", overwrite=False)
        for socket in (one, other):
            heard = []
            while not heard or heard[-1].get("state") not in ("done", "failed", "refused"):
                heard.append(socket.receive_json())
            assert heard[0] == {"type": "annotation", "index": 0, "ids": [1, 2]}
            assert {"type": "begun", "after": None} in heard
            frames = [said["index"] for said in heard if said["type"] == "frame"]
            assert frames == list(range(FRAMES))
            assert heard[-1]["state"] == "done"


def test_an_end_that_contradicts_a_mask_is_a_failure_not_a_reason_to_begin_again(truth, tmp_path):
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        page.draw(3, truth[3] == 1)
        objects = {"1": {"name": "ball", "colour": "#aabbcc", "ended": 3}}
        page.client.put(f"/{TOKEN}/api/objects", json=objects)
        run = page.run()
        assert run["state"] == "failed"
        assert "object 1 has a mask on frame 3" in run["message"]


def test_a_failure_is_told_in_the_page(truth, tmp_path):
    def follow(order, watch, progress):
        raise RuntimeError("a fault of ours")

    with studio(tmp_path, follow) as page:
        page.draw(0, truth[0])
        assert page.run()["message"] == "unexpected RuntimeError: a fault of ours"


def test_nothing_drawn_is_nothing_to_carry(truth, tmp_path):
    with studio(tmp_path) as page:
        answer = page.post("api/run", overwrite=False)
        assert answer.status_code == 409
        assert "no object is drawn" in answer.json()["message"]


def test_a_box_becomes_a_mask_that_is_kept(truth, tmp_path):
    with studio(tmp_path) as page:
        rows, columns = np.nonzero(truth[0] == 2)
        box = [columns.min() - 3, rows.min() - 3, columns.max() + 4, rows.max() + 4]
        answer = page.post("api/prompts/0", object=2, box=[float(side) for side in box])
        assert answer.headers["x-drawn"] == "2"
        found, true = page.masks(0) == 2, truth[0] == 2
        assert (found & true).sum() / (found | true).sum() > 0.8
        assert page.project.annotations[0].ids == (2,)


def test_further_clicks_begin_anew_unless_there_was_a_mask_before_the_first(truth, tmp_path):
    asked = []

    def top_left(rgb, prompt):
        asked.append(prompt)
        mask = np.zeros(rgb.shape[:2], bool)
        mask[: 5 * len(prompt.positive), :9] = True
        return mask

    with studio(tmp_path, prompter=top_left) as page:
        clicks = [[3.0, 3.0, True], [4.0, 8.0, True], [5.0, 14.0, True]]
        for count in (1, 2):
            page.post("api/prompts/0", object=1, clicks=clicks[:count])
        assert [prompt.present is None for prompt in asked] == [True, True]
        drawn = np.zeros(truth[0].shape, np.uint8)
        drawn[20:30, 20:30] = 1
        page.draw(0, drawn)
        page.post("api/prompts/0", object=1, clicks=clicks)
        np.testing.assert_array_equal(asked[2].present, drawn == 1)
        assert len(asked[2].positive) == 3
        page.post("api/prompts/0", object=1, clicks=[*clicks, [30.0, 30.0, False]])
        corrected = np.zeros(truth[0].shape, bool)
        corrected[:15, :9] = True
        np.testing.assert_array_equal(asked[3].present, corrected)


def clicked(truth, tmp_path, *masks):
    """A page on which object 1 is 20x20 px and object 2 is clicked; what clicks give is `masks`."""
    coming = iter(masks)
    with studio(tmp_path, prompter=lambda rgb, prompt: next(coming)) as page:
        one = np.zeros(SIZE, np.uint8)
        one[10:30, 10:30] = 1
        page.draw(0, one)
        for count in range(1, len(masks) + 1):
            page.post("api/prompts/0", object=2, clicks=[[40.0, 20.0, True]] * count)
        return page.project.annotations[0].labels


def area(columns):
    mask = np.zeros(SIZE, bool)
    mask[8:32, columns] = True
    return mask


def test_what_a_click_took_from_another_object_comes_back_with_the_next(truth, tmp_path):
    labels = clicked(truth, tmp_path, area(slice(20, 60)), area(slice(32, 60)))
    assert (labels == 1).sum() == 400
    assert (labels == 2).sum() == 24 * 28


def test_a_drawn_object_inside_the_mask_of_a_click_lies_in_front_of_it(truth, tmp_path):
    labels = clicked(truth, tmp_path, area(slice(8, 60)))
    assert (labels == 1).sum() == 400
    assert (labels == 2).sum() == 24 * 52 - 400


def test_what_is_drawn_while_a_click_is_answered_stays(truth, tmp_path):
    two = np.zeros(SIZE, np.uint8)
    two[40:44, 5:9] = 2
    pages = []

    def meanwhile(rgb, prompt):
        pages[0].draw(0, two)
        return area(slice(20, 60))

    with studio(tmp_path, prompter=meanwhile) as page:
        pages.append(page)
        page.post("api/prompts/0", object=1, clicks=[[40.0, 20.0, True]])
        assert page.project.annotations[0].ids == (1, 2)


def test_a_click_that_means_a_drawn_object_itself_takes_it(truth, tmp_path):
    labels = clicked(truth, tmp_path, area(slice(9, 31)))
    assert set(np.unique(labels)) == {0, 2}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"object": 1}, "a box or clicks"),
        ({"object": 1, "box": [5, 5, 6, 6]}, "at least 2x2"),
        ({"object": 1, "box": [1e9, 0, 2e9, 9]}, "at least 2x2"),
        ({"object": 1, "clicks": [[64, 3, True]]}, "lies in the frame of 64x48"),
        ({"object": 1, "clicks": [[-1, 3, True]]}, "lies in the frame of 64x48"),
    ],
)
def test_prompts_that_are_none_say_what_is_legal(truth, tmp_path, fields, says):
    with studio(tmp_path) as page:
        answer = page.post("api/prompts/0", **fields)
        assert answer.status_code == 409
        assert says in answer.json()["message"]


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_names_colours_and_ends_are_kept(truth, tmp_path):
    objects = {
        "1": {"name": "ball", "colour": "#aabbcc", "ended": 4},
        "2": {"name": "van", "colour": "#001122", "ended": None},
    }
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        assert page.client.put(f"/{TOKEN}/api/objects", json=objects).status_code == 200
        assert page.run()["state"] == "done"
        assert 1 in page.masks(3)
        assert 1 not in page.masks(4)
    with studio(tmp_path) as page:
        kept = page.get("api/project").json()["objects"]
        assert kept == {i: said | {"class_name": None} for i, said in objects.items()}


def test_an_object_that_is_deleted_goes_from_every_frame(truth, tmp_path):
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        page.draw(2, truth[2] == 1)
        assert page.client.delete(f"/{TOKEN}/api/objects/1").status_code == 200
        told = page.get("api/project").json()
        assert told["annotations"] == {"0": [2]}
        assert list(told["objects"]) == ["2"]
        assert page.client.delete(f"/{TOKEN}/api/objects/1").status_code == 409


def test_exports_are_written_and_sent(truth, tmp_path):
    with studio(tmp_path) as page:
        assert page.post("api/exports/masks").status_code == 409
        page.draw(0, truth[0])
        page.run()
        for name in page.get("api/project").json()["exports"]:
            assert page.post(f"api/exports/{name}").status_code == 200
        with ZipFile(BytesIO(page.get("api/exports/masks").content)) as archive:
            assert len(archive.namelist()) == FRAMES
        tracks = json.loads(page.get("api/exports/youtube-vis").content)
        assert len(tracks["annotations"]) == 2
        found = json.loads(page.get("api/exports/coco").content)
        assert len(found["images"]) == FRAMES
        assert b"<track" in page.get("api/exports/cvat").content
        assert page.get("api/exports/csv").text.splitlines()[1].startswith("out,0,00000,1,1,object")
        assert page.get("api/exports/overlay").content[4:8] == b"ftyp"
        assert page.post("api/exports/other").status_code == 409


def test_a_source_that_breaks_off_shows_what_is_whole(tmp_path):
    write_frames(tmp_path / "frames")
    (tmp_path / "frames" / "00005.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    with studio(tmp_path) as page:
        pictures = page.get("api/project").json()["pictures"]
        assert pictures["ready"] == pictures["total"] == 5
        assert "00005.png" in pictures["damage"]
        assert page.get("api/pictures/5").status_code == 409
