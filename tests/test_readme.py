"""What the README and the page on refining show runs as it stands."""

import re
from pathlib import Path

import numpy as np
import torch

import propago
from propago.io.writer import VideoWriter
from tiny_clip import tiny_clip

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def test_its_lines_run_twice(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images, labels = tiny_clip(5)
    with VideoWriter(tmp_path / "clip.mp4", images[0].shape[:2], 25) as video:
        for image in images:
            video.write(image)
    (tmp_path / "ground_truth").mkdir()
    for t, truth in enumerate(labels):
        propago.write_mask(tmp_path / f"ground_truth/{t:05}.png", truth)
    propago.write_mask("first_mask.png", labels[0])
    blocks = BLOCK.findall((ROOT / "README.md").read_text("utf-8"))
    assert len(blocks) >= 2
    for _ in range(2):
        names: dict = {"camera": images}
        for block in blocks:
            exec(block, names)
        assert 0 <= names["scores"].figures["J&F"] <= 1
        assert names["result"].labels.shape == labels[0].shape
        assert Path("report.html").is_file()
    assert capsys.readouterr().out.count("a second;") == 2


def test_scores_are_sharpened_and_cleaned():
    images, labels = tiny_clip(3, (48, 64), (1, 2))
    soft = [np.stack([truth == 1, truth == 2]).astype(np.float32) for truth in labels]
    names: dict = {"propago": propago, "image": images[0], "scores": soft[0]}
    names["stream"] = map(torch.from_numpy, soft)
    (block,) = BLOCK.findall((ROOT / "docs" / "refinement.md").read_text("utf-8"))
    exec(block, names)
    assert names["sharper"].shape == (2, 48, 64)
    assert np.array_equal(names["masks"].labels(), labels[-1])
