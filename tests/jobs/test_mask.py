"""Masks from boxes without a run."""

import cv2
import numpy as np
import pytest
from PIL import Image

import propago
from propago.cli import main
from propago.errors import PropagoWarning, UsageError
from propago.io.masks import read_mask
from propago.jobs import boxes as boxes_module

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
    monkeypatch.setattr(boxes_module, "is_unsteady", lambda *_: True)
    made = propago.make_mask(frames, 0, [DISC], tmp_path / "first.png")
    assert "unsteady" in made.notes[0]
    with pytest.warns(PropagoWarning, match=r"look at .*given\.png before you wait: .*unsteady"):
        result = propago.segment(frames, boxes=[DISC], out=tmp_path / "out", method="first_mask")
    assert result.given == tmp_path / "out/given.png"
