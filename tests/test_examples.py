"""The examples run on something small."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from propago.io.masks import read_mask
from propago.io.pictures import write_picture
from propago.io.writer import VideoWriter
from propago.jobs import refine
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
    monkeypatch.setattr(refine, "_loaded", lambda weights, device: Spn(SpnNet()))
    picture = np.full((64, 80, 3), 20, np.uint8)
    picture[16:48, 24:64] = 240
    write_picture(tmp_path / "photo.png", picture)
    run(monkeypatch, "refine_other_segmenter.py", tmp_path / "photo.png", tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png").labels
    assert mask[32, 44] == 1
    assert mask[4, 4] == 0


@pytest.mark.filterwarnings("ignore")
def test_a_stream(tmp_path, monkeypatch, capsys):
    images, _ = tiny_clip(6, (48, 64), (1, 5))
    with VideoWriter(tmp_path / "film.mp4", (48, 64), 12) as video:
        for image in images:
            video.write(image)
    run(monkeypatch, "clean_stream.py", tmp_path / "film.mp4")
    assert capsys.readouterr().out.count("px move") == 6
