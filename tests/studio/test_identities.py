"""Who is who among drawn objects: swapped, joined, parted, and carried on."""

import numpy as np
import pytest

from studio_client import studio


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_objects_that_changed_places_are_swapped_and_carried_on(truth, tmp_path):
    wrong = np.select([truth[4] == 1, truth[4] == 2], [2, 1]).astype(np.uint8)
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        page.draw(4, wrong)
        assert page.run()["state"] == "done"
        assert page.post("api/identities/4", what="swap", object=1, other=2).status_code == 200
        np.testing.assert_array_equal(page.masks(4), truth[4])
        assert page.run()["state"] == "done"
        assert ((page.masks(7) == 1) & (truth[7] == 1)).sum() > 0.7 * (truth[7] == 1).sum()


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_two_that_are_the_same_become_one_in_every_frame(truth, tmp_path):
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        page.draw(3, truth[3] == 1)
        assert page.post("api/identities/3", what="merge", object=2, other=1).status_code == 200
        told = page.get("api/project").json()
        assert told["annotations"] == {"0": [1], "3": [1]}
        assert list(told["objects"]) == ["1"]
        np.testing.assert_array_equal(page.masks(0), truth[0] > 0)


@pytest.mark.filterwarnings("ignore:other masks are given")
def test_an_object_becomes_another_from_a_frame_on(truth, tmp_path):
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        assert page.run()["state"] == "done"
        shown = page.masks(4)
        assert page.post("api/identities/4", what="split", object=1).status_code == 200
        np.testing.assert_array_equal(page.masks(4), np.where(shown == 1, 3, shown))
        assert page.run()["state"] == "done"
        assert [set(np.unique(page.masks(t))) for t in (3, 4, 7)] == [
            {0, 1, 2},
            {0, 2, 3},
            {0, 2, 3},
        ]
        assert page.get("api/project").json()["objects"]["1"]["ended"] == 4


@pytest.mark.parametrize(
    ("index", "fields", "says"),
    [
        (1, {"what": "swap", "object": 1, "other": 2}, "is not shown in frame 1"),
        (0, {"what": "swap", "object": 1, "other": 1}, "choose two"),
        (0, {"what": "merge", "object": 1, "other": 9}, "no object 9"),
        (0, {"what": "swap", "object": 1}, "needs `other`"),
        (0, {"what": "split", "object": 1}, "choose a later frame"),
        (1, {"what": "split", "object": 1}, "is not shown in frame 1"),
    ],
)
def test_what_cannot_be_said_of_who_is_who_is_refused_and_changes_nothing(
    truth, tmp_path, index, fields, says
):
    with studio(tmp_path) as page:
        page.draw(0, truth[0])
        before = page.get("api/project").json()
        answer = page.post(f"api/identities/{index}", **fields)
        assert answer.status_code == 409
        assert says in answer.json()["message"]
        assert page.get("api/project").json() == before
