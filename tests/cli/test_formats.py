"""`--to`: results in other formats, beside those of the run."""

import json

import numpy as np
import pytest

import propago
from propago.cli import main
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from tiny_clip import tiny_clip


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("cat", "found"):
        (tmp_path / folder).mkdir()
    for t, (image, labels) in enumerate(zip(*tiny_clip(3, (48, 64), (1, 2)), strict=True)):
        write_picture(tmp_path / "cat" / f"f{t}.png", image)
        write_mask(tmp_path / "found" / f"f{t}.png", labels)
    return tmp_path


def done(*arguments):
    assert main([str(a) for a in arguments]) == 0


def test_segment_writes_several_formats_and_says_what_is_lost(place, capsys):
    arguments = ("segment", "cat", "--masks", "found/f0.png", "--method", "optical_flow")
    arguments += ("--no-overlay", "--save-scores", "--out", "run")
    done(*arguments, "--to", "youtube-vis", "--to", "ctc", "--to", "prores")
    told = capsys.readouterr()
    assert "ctc      run/exported/ctc" in told.out
    assert "note: ctc has no names of frames" in told.err
    tracks = json.loads((place / "run" / "exported" / "youtube-vis.json").read_text())
    assert tracks["videos"][0]["file_names"] == ["run/f0.jpg", "run/f1.jpg", "run/f2.jpg"]
    assert (place / "run" / "exported" / "prores.mov").stat().st_size > 1000
    (place / "run" / "exported" / "ctc" / "mask999.tif").touch()
    done(*arguments, "--to", "ctc", "--overwrite")
    assert len(list((place / "run" / "exported" / "ctc").glob("mask*.tif"))) == 3


def test_an_unknown_format_is_refused_before_any_work(place, capsys):
    for to in ("coke", "track-run"):
        code = main(["segment", "cat", "--masks", "found/f0.png", "--to", to])
        assert code == 2
        assert to in capsys.readouterr().err
    assert not (place / "runs").exists()


def test_tracks_keep_classes_and_scores(place):
    done("track", "cat", "--detections", "found", "--no-overlay", "--out", "run", "--to", "coco")
    content = json.loads((place / "run" / "exported" / "coco.json").read_text())
    assert len(content["images"]) == 3
    assert len(content["annotations"]) == 6
    assert {a["score"] for a in content["annotations"]} == {1.0}
    back = propago.convert(place / "run", place / "maps", to_format="label-maps")
    assert back.from_format == "track-run"
    for name in ("f0", "f2"):
        np.testing.assert_array_equal(
            propago.read_mask(place / "maps" / f"{name}.png").labels,
            propago.read_mask(place / "run" / "masks" / f"{name}.png").labels,
        )


def test_daughters_keep_their_mother(place, capsys):
    """A cell that divides between the second and the third picture."""
    cells = np.zeros((3, 48, 64), np.uint8)
    cells[:2, 10:30, 10:30] = 1
    cells[2, 8:19, 10:30], cells[2, 21:32, 10:30] = 1, 2
    for t, labels in enumerate(cells):
        write_mask(place / "found" / f"f{t}.png", labels)
    done("track", "cat", "--detections", "found", "--associator", "cells", "--out", "run")
    done("convert", "run", "ctc", "--to", "ctc")
    assert (place / "ctc" / "res_track.txt").read_text() == "1 0 1 0\n2 2 2 1\n3 2 2 1\n"
    done("convert", "run", "run.json")
    assert "the origin of 2 objects is dropped" in capsys.readouterr().err


class Unchanged:
    def __init__(self):
        self.description = {"weights": "none", "licence": "Apache-2.0"}

    def __call__(self, frame, masks):
        return masks


def test_clean_and_refine_take_it_too(place, monkeypatch):
    monkeypatch.setattr("propago.refinement.spn.run.Spn.load", lambda *_, **__: Unchanged())
    done("clean", "found", "--out", "cleaned", "--to", "tiff")
    done("refine", "cat", "found", "--out", "refined", "--to", "npz", "--to", "rgba-pngs")
    assert (place / "cleaned" / "exported" / "tiff.tif").is_file()
    exported = place / "refined" / "exported"
    assert np.load(exported / "npz.npz")["labels"].shape == (3, 48, 64)
    assert len(list((exported / "rgba-pngs").iterdir())) == 3


def test_a_format_that_needs_frames_is_refused_before_masks_are_cleaned(place, capsys):
    assert main(["clean", "found", "--to", "prores", "--out", "run"]) == 2
    assert "--to prores needs the frames" in capsys.readouterr().err
    assert not (place / "run").exists()
