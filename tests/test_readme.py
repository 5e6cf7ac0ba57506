"""What the README shows runs as it stands, and twice."""

import re
from pathlib import Path

import propago
from propago.io.writer import VideoWriter
from tiny_clip import tiny_clip

README = Path(__file__).parents[1] / "README.md"


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
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)
    assert len(blocks) >= 2
    for _ in range(2):
        names: dict = {"camera": images}
        for block in blocks:
            exec(block, names)
        assert 0 <= names["scores"].figures["J&F"] <= 1
        assert names["result"].labels.shape == labels[0].shape
        assert Path("report.html").is_file()
    assert capsys.readouterr().out.count("a second;") == 2
