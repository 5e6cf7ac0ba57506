"""Masks from boxes without a run."""

import cv2
import numpy as np
import pytest
from PIL import Image

import propago
from propago.annotation import prompted as prompted_module
from propago.cli import main
from propago.errors import PropagoWarning, UsageError
from propago.io.masks import read_mask

DISC = "1=37,17,83,63"


@pytest.fixture
def frames(tmp_path):
    """Three frames with a disc."""
    truth = cv2.circle(np.zeros((90, 130), np.uint8), (60, 40), 22, 1, -1) > 0
    noise = np.random.default_rng(0).integers(-12, 12, (90, 130, 3))
    picture = (np.where(truth[..., None], (200, 90, 40), (60, 110, 150)) + noise).astype(np.uint8)
    (tmp_path / "frames").mkdir()
    for t in range(3):
        Image.fromarray(picture).save(tmp_path / f"frames/{t:05}.png")
    return tmp_path / "frames"


def test_the_mask_is_what_segment_takes_and_the_picture_shows_it(frames, tmp_path, capsys):
    out = tmp_path / "first.png"
    assert main(["mask", str(frames), "1", "--box", DISC, "--out", str(out)]) == 0
    assert f"shown  {tmp_path / 'first_shown.png'}" in capsys.readouterr().out
    assert read_mask(out).labels[40, 60] == 1
    shown = np.array(Image.open(tmp_path / "first_shown.png"))
    assert shown.shape == (90, 130, 3)
    result = propago.segment(frames, out, out=tmp_path / "out", method="first_mask")
    assert result.ids == (1,)
    assert result.given is None


def test_files_that_are_there_stay_unless_asked(frames, tmp_path):
    out = tmp_path / "first.png"
    for name in ("first.png", "first_shown.png"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UsageError, match=f"{name} exists"):
            propago.make_mask(frames, 0, [DISC], out)
        (tmp_path / name).unlink()
    propago.make_mask(frames, 0, [DISC], out)
    assert propago.make_mask(frames, 0, [DISC], out, overwrite=True).ids == (1,)


def test_clicks_become_masks_beside_boxes(frames, tmp_path, capsys):
    out = tmp_path / "first.png"
    argv = ["mask", str(frames), "1", "--click", "3=60,40,-5,-5", "--prompter", "grabcut"]
    assert main([*argv, "--out", str(out)]) == 0
    assert "(objects 3)" in capsys.readouterr().out
    labels = read_mask(out).labels
    assert labels[40, 60] == 3
    assert labels[5, 5] == 0
    result = propago.segment(
        frames,
        boxes=["1=37,17,83,63@2"],
        clicks=["3=60,40@0"],
        prompter="grabcut",
        out=tmp_path / "out",
        method="first_mask",
    )
    assert set(result.ids) == {1, 3}
    record = (tmp_path / "out/run.json").read_text()
    assert "3=60,40@0" in record
    assert "1=37,17,83,63@2" in record


def test_a_prompter_of_ones_own_is_asked_with_all_that_is_said_of_an_object(frames, tmp_path):
    asked = []

    def whole(rgb, prompt):
        asked.append(prompt)
        return np.ones(rgb.shape[:2], bool)

    clicks = [propago.Clicks(1, ((60, 40),), ((5, 5),)), "1=50,41"]
    propago.make_mask(frames, 0, [DISC], tmp_path / "a.png", clicks=clicks, prompter=whole)
    (prompt,) = asked
    assert prompt.box_xyxy == (37, 17, 83, 63)
    assert prompt.positive == ((60, 40), (50, 41))
    assert prompt.negative == ((5, 5),)


def test_where_clicks_find_nothing_it_is_said_and_a_box_has_its_ellipse(frames, tmp_path):
    out = tmp_path / "a.png"

    def blind(*_):
        return None

    with pytest.raises(UsageError, match="`clicks` 1=60,40@0: nothing is found there"):
        propago.make_mask(frames, 0, out=out, clicks=["1=60,40"], prompter=blind)
    made = propago.make_mask(frames, 0, [DISC], out, prompter=blind)
    assert "the ellipse in it is object 1" in made.notes[0]


@pytest.mark.parametrize(
    ("drawn", "out", "said"),
    [
        ([], "a.png", "`boxes` are missing"),
        ([DISC + "@2"], "a.png", "another frame than 0"),
        (["1=0,0,500,9"], "a.png", "outside the frame"),
        ([DISC], "a.jpg", "written as .png"),
    ],
)
def test_what_cannot_be_done_is_said(frames, tmp_path, drawn, out, said):
    with pytest.raises(UsageError, match=said):
        propago.make_mask(frames, 0, drawn, tmp_path / out)
    assert not (tmp_path / out).exists()


def test_an_unsteady_outline_is_said_when_the_run_begins(frames, tmp_path, monkeypatch):
    monkeypatch.setattr(prompted_module, "is_unsteady", lambda *_: True)
    made = propago.make_mask(frames, 0, [DISC], tmp_path / "first.png", prompter="grabcut")
    assert "unsteady" in made.notes[0]
    with pytest.warns(PropagoWarning, match=r"look at .*given\.png before you wait: .*unsteady"):
        result = propago.segment(
            frames,
            boxes=[DISC],
            prompter="grabcut",
            out=tmp_path / "out",
            method="first_mask",
        )
    assert result.given == tmp_path / "out/given.png"
