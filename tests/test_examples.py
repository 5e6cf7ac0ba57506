"""The examples run on something small."""

import json
import re
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from propago.io.masks import read_mask, write_mask
from propago.io.pictures import write_picture
from propago.io.writer import VideoWriter
from propago.refinement.spn import picture
from propago.refinement.spn.net import SpnNet
from propago.refinement.spn.run import Spn
from tiny_clip import tiny_clip

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_examples_are_short():
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) <= 40, path


def test_a_coarse_mask_of_another_segmenter(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "_loaded", lambda weights, device: Spn(SpnNet()))
    photo = np.full((64, 80, 3), 20, np.uint8)
    photo[16:48, 24:64] = 240
    write_picture(tmp_path / "photo.png", photo)
    run(monkeypatch, "refine_other_segmenter.py", tmp_path / "photo.png", tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png").labels
    assert mask[32, 44] == 1
    assert mask[4, 4] == 0


@pytest.fixture
def film(tmp_path):
    """Six frames with objects 1 and 5 as a video, and the mask of each frame."""
    images, labels = tiny_clip(6, (48, 64), (1, 5))
    with VideoWriter(tmp_path / "film.mp4", (48, 64), 12) as video:
        for image in images:
            video.write(image)
    (tmp_path / "truth").mkdir()
    for t, label in enumerate(labels):
        write_mask(tmp_path / "truth" / f"{t:05d}.png", label)
    return tmp_path / "film.mp4"


@pytest.fixture
def truth(film):
    return film.parent / "truth"


def test_a_stream(film, monkeypatch, capsys):
    run(monkeypatch, "clean_stream.py", film)
    assert capsys.readouterr().out.count("px move") == 6


def test_a_camera(film, truth, monkeypatch, capsys):
    run(monkeypatch, "camera_loop.py", film, truth / "00000.png")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"0 {{1: {12 * 12}, 5: {12 * 12}}}"
    assert len(lines) == 6


def test_an_own_method(film, truth, tmp_path, monkeypatch):
    run(monkeypatch, "own_method.py", film, truth / "00000.png", tmp_path / "out")
    masks = sorted((tmp_path / "out" / "masks").iterdir())
    assert len(masks) == 6
    assert all({1, 5} <= set(read_mask(mask).labels.flat) for mask in masks)


def test_an_own_refiner(film, truth, tmp_path, monkeypatch):
    run(monkeypatch, "own_refiner.py", film, truth / "00000.png", tmp_path / "out")
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 6
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert record["inputs"]["refine"] == {"refiner": "median", "window_px": 5}


def test_a_correction(film, truth, tmp_path, monkeypatch):
    corrected = np.zeros((48, 64), np.uint8)
    corrected[10:20, 30:40] = 1
    write_mask(tmp_path / "corrected.png", corrected)
    arguments = (film, truth / "00000.png", 3, tmp_path / "corrected.png", tmp_path / "out")
    run(monkeypatch, "correct_in_mid_video.py", *arguments)
    masks = [read_mask(path).labels for path in sorted((tmp_path / "out").iterdir())]
    assert len(masks) == 6
    assert np.array_equal(masks[3] == 1, corrected == 1)


def test_masks_that_are_cleaned_and_measured(truth, tmp_path, monkeypatch, capsys):
    shutil.copytree(truth, tmp_path / "masks")
    wrong = read_mask(truth / "00003.png").labels.copy()
    wrong[:3, :3] = 1
    write_mask(tmp_path / "masks" / "00003.png", wrong)
    run(monkeypatch, "clean_and_measure.py", tmp_path / "masks", truth, tmp_path / "out")
    before, after = re.findall(r"\d\.\d+", capsys.readouterr().out)[:2]
    assert before < after == "1.000"
    assert (tmp_path / "out" / "report.html").is_file()


def test_cells_are_tracked(film, tmp_path, monkeypatch, capsys):
    run(monkeypatch, "track_cells.py", film, tmp_path / "out")
    told = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in told].count("5 frames") == 2  # they touch in the first
    assert (tmp_path / "out" / "report.html").exists()
