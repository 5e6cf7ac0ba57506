"""Folders of frames whose numbers leave some out."""

import numpy as np
import pytest

from propago.io.pictures import write_picture
from propago.io.video import open_source


def notes_of(folder, names):
    folder.mkdir()
    for name in names:
        write_picture(folder / f"{name}.png", np.zeros((4, 6, 3), np.uint8))
    return open_source(folder).notes


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ([*range(10), *range(12, 20)], "2 frames are missing, between s.0009.png and s.0012.png:"),
        ([*range(0, 50, 5), *range(55, 100, 5)], "1 frame is missing, between s.0045.png"),
        (
            [*range(9), *range(10, 19), *range(20, 30)],
            "2 frames are missing, between s.0008.png and s.0010.png and in 1 more place:",
        ),
    ],
)
def test_what_a_renderer_dropped_is_said(tmp_path, numbers, says):
    (note,) = notes_of(tmp_path / "shot", [f"s.{number:04d}" for number in numbers])
    assert says in note


@pytest.mark.parametrize(
    "names",
    [
        [f"{number:05d}" for number in range(0, 100, 5)],
        [f"{number}" for number in (3, 17, 18, 40, 41, 90, 95)],
        [f"t{number}" for number in (1, 2, 4)],
        [f"{shot}_{number}" for shot in "ab" for number in range(1, 9)],
        [f"take2_{number:03d}" for number in range(8)],
        ["one", "two", "three", "four", "five"],
    ],
)
def test_names_that_are_regular_or_no_numbering_are_not_remarked_on(tmp_path, names):
    assert notes_of(tmp_path / "shot", names) == ()
