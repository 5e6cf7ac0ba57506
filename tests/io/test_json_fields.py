"""Records of anyone's JSON files: what is legal passes, what is not is told by its place."""

import pytest

from propago.errors import UsageError
from propago.io.json_fields import is_id, is_length, is_list, is_number, is_whole, require_records

FIELDS = {"id": is_id, "score": is_number, "width": is_length, "names": is_list}
SOUND = {"id": 3, "score": 0.5, "width": 640, "names": []}


def test_sound_records_come_back():
    assert require_records([SOUND, {**SOUND, "id": "a"}], "result", FIELDS)[1]["id"] == "a"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": None}, "result 1: 'id' is None; it is a whole number or a text"),
        ({"id": True}, "'id' is True"),
        ({"score": float("nan")}, "'score' is nan; it is a finite number"),
        ({"score": "0.5"}, "'score' is '0.5'"),
        ({"score": 10**400}, "'score' is 1000"),
        ({"width": 0}, "from 1 to 65535"),
        ({"width": 1 << 40}, "from 1 to 65535"),
        ({"names": "x"}, "it is a list"),
        ({"area": "x"}, "'area' is 'x'; it is a whole number"),
    ],
)
def test_a_field_of_another_kind_is_told(change, said):
    with pytest.raises(UsageError, match=said):
        require_records([SOUND, SOUND | change], "result", FIELDS, {"area": is_whole})


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ({"a": 1}, "stands in a list; this is {'a': 1}"),
        (None, "stands in a list"),
        ([3], "result 0 is an object in braces; this is 3"),
        ([{}], "result 0: 'id' is missing; it has nothing"),
    ],
)
def test_what_is_no_list_of_records_is_told(records, said):
    with pytest.raises(UsageError, match=said):
        require_records(records, "result", FIELDS)
