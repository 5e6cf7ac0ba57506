"""Boxes and clicks as they are written."""

import pytest

from propago.annotation.prompted import load_prompter
from propago.annotation.prompts import Box, Clicks, by_object, parse_box, parse_clicks
from propago.errors import UsageError
from propago.methods.grabcut.run import GrabCut
from propago.prompts import Prompt


@pytest.mark.parametrize(
    ("text", "clicks"),
    [
        ("1=230,170", Clicks(1, ((230, 170),))),
        ("2=10,20.5,-30,-40@7", Clicks(2, ((10, 20.5),), ((30, 40),), 7)),
        (" 3 = 1, 2, 3, 4 @ 0 ", Clicks(3, ((1, 2), (3, 4)), (), 0)),
        ("1=-0,-9,5,5", Clicks(1, ((5, 5),), ((0, 9),))),
    ],
)
def test_clicks_are_pairs_with_a_minus_where_they_are_beside_the_object(text, clicks):
    assert parse_clicks(text) == clicks
    assert parse_clicks(str(clicks)) == clicks


@pytest.mark.parametrize(
    "text", ["", "1=", "1=5", "1=5,6,7", "1=5,-6", "a=5,6", "1=5,6@x", "1=5;6"]
)
def test_what_are_no_clicks_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"is not understood: clicks are ID=x,y .*230,170"):
        parse_clicks(text)


def test_all_that_points_at_an_object_is_one_prompt():
    written = [Box(2, (1, 2, 30, 40)), Clicks(2, ((5, 6),)), Clicks(2, ((7, 8),), ((9, 9),), 4)]
    found = {one.frame: one for one in by_object([*written, Box(2, (0, 0, 9, 9), 4)], (50, 60), 3)}
    assert found[3].prompt == Prompt((1, 2, 30, 40), ((5, 6),))
    assert found[4].prompt == Prompt((0, 0, 9, 9), ((7, 8),), ((9, 9),))
    assert [str(one) for one in found[3].written] == ["2=1,2,30,40@3", "2=5,6@3"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (Clicks(1, ((60, 5),)), r"\(60, 5\) lies outside the frame: x goes from 0 to 60"),
        (Clicks(1, ((5, 5),), ((5, 50),)), r"\(5, 50\) lies outside"),
        (Clicks(0, ((5, 5),)), "an object's id is 1 to 65535, not 0"),
        (Clicks(1, (), ((5, 5),)), "all beside object 1: give one on it"),
        (Box(70_000, (1, 1, 5, 5)), "not 70000"),
        (Box(1, (5, 1, 5, 5)), "is empty"),
    ],
)
def test_what_cannot_be_on_the_frame_is_refused(written, said):
    with pytest.raises(UsageError, match=said):
        by_object([written], (50, 60), 0)


def test_two_boxes_of_an_object_on_a_frame_are_refused():
    twice = [parse_box("1=1,1,5,5@0"), parse_box("1=2,2,5,5")]
    with pytest.raises(UsageError, match="boxed twice on frame 0"):
        by_object(twice, (50, 60), 0)


def test_a_prompter_with_a_network_is_loaded_on_the_device_that_is_asked_for():
    assert load_prompter("ritm", "cpu").device.type == "cpu"
    assert isinstance(load_prompter("grabcut", "cpu"), GrabCut)
    with pytest.raises(UsageError, match="cpu"):
        load_prompter("ritm", "abacus")
    with pytest.raises(UsageError, match="ritm"):
        load_prompter("crystal-ball", "cpu")
