import numpy as np
import pytest
from PIL import Image

from propago.errors import UsageError
from propago.io.masks import write_mask
from propago.jobs.demo import DEMO_CLIP, demo, demo_truth
from propago.methods.first_mask.run import FirstMask
from propago.methods.optical_flow.run import OpticalFlow


def test_the_demo_segments_the_shipped_clip_and_scores(tmp_path):
    told = []
    made = demo(
        tmp_path / "demo",
        frames=5,
        method=OpticalFlow(),
        progress=lambda done, total, what: told.append(what),
    )
    assert made.segmented.frames == 5
    assert set(made.segmented.ids) == {1, 2, 3}
    assert "clip" in told
    assert made.clip.read_bytes() == (DEMO_CLIP / "clip.mp4").read_bytes()
    assert np.array_equal(np.asarray(Image.open(made.first_mask)), demo_truth()[0])
    for path in (made.clip, made.first_mask, made.contact, made.report, made.segmented.overlay):
        assert path is not None
        assert path.stat().st_size > 0
    assert len(list(made.truth.iterdir())) == 5
    assert Image.open(made.contact).width == 1280
    assert [o.id for o in made.scores.objects] == [1, 2, 3]
    assert 0 < made.scores.figures["J&F"] < 1
    assert "data:image/jpeg" in made.report.read_text("utf-8")
    again = demo(tmp_path / "demo", frames=3, method=FirstMask())
    assert again.segmented.frames == len(list(again.truth.iterdir())) == 3


def test_the_demo_deletes_nobodys_results(tmp_path):
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / "00000.png", np.ones((4, 4), np.uint8))
    for frames in (2, 61):
        with pytest.raises(UsageError, match="needs 3 to 60"):
            demo(tmp_path, frames=frames)
    with pytest.raises(UsageError, match="already holds results"):
        demo(tmp_path, frames=3, method=FirstMask())
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]
