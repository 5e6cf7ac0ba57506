"""Every line of docs/tutorials.md runs as it stands."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from propago.cli import main
from propago.io.masks import write_mask
from propago.io.pictures import write_picture
from propago.io.writer import VideoWriter
from tiny_clip import tiny_clip

PAGE = (Path(__file__).parents[1] / "docs" / "tutorials.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
STEP = re.compile(r"^    propago ([^\n]+)$|^```python\n(.*?)^```", re.M | re.S)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """What the tutorials begin from, in the current folder."""
    monkeypatch.chdir(tmp_path)
    images, labels = tiny_clip(12, (48, 64), (1, 2))
    for name in ("clip.mp4", "shot.mov"):
        with VideoWriter(tmp_path / name, (48, 64), 12) as video:
            for image in images:
                video.write(image)
    for folder in ("cells", "cellpose_masks", "truth", "corrections"):
        (tmp_path / folder).mkdir()
    for t, (image, label) in enumerate(zip(images, labels, strict=True)):
        write_picture(tmp_path / "cells" / f"{t:05d}.png", image)
        shuffled = np.array([0, 2, 1], np.uint8)[label] if t % 2 else label
        write_mask(tmp_path / "cellpose_masks" / f"{t:05d}.png", shuffled)
        write_mask(tmp_path / "truth" / f"{t:05d}.png", label)
    write_mask(tmp_path / "first.png", labels[0])
    write_mask(tmp_path / "corrections" / "00006.png", labels[6])
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("default:other masks are given")  # so short a clip
@pytest.mark.parametrize("title", SECTIONS)
def test_it_runs(place, title):
    steps = STEP.findall(SECTIONS[title])
    assert steps
    for command, block in steps:
        if command:
            assert main(shlex.split(command)) == 0, command
        elif "import pandas" not in block or find_spec("pandas"):
            exec(block, {})
