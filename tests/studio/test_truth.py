"""Ground truth that the page shows beside the masks."""

import numpy as np
import pytest

from propago.errors import MaskError
from propago.io.masks import write_mask
from studio_client import SIZE, studio, write_frames


@pytest.fixture
def truth(tmp_path):
    (tmp_path / "gt").mkdir()
    return write_frames(tmp_path / "frames")


def test_the_frames_that_have_it_are_told_and_sent(truth, tmp_path):
    for t in (0, 4):
        write_mask(tmp_path / "gt" / f"{t:05d}.png", truth[t])
    with studio(tmp_path, gt=tmp_path / "gt") as page:
        assert page.get("api/truth").json() == [0, 4]
        sent = np.frombuffer(page.get("api/truth/4").content, np.uint8).reshape(SIZE)
        np.testing.assert_array_equal(sent, truth[4])
        assert "no truth of frame 3" in page.get("api/truth/3").json()["message"]


def test_there_may_be_none(truth, tmp_path):
    with studio(tmp_path) as page:
        assert page.get("api/truth").json() == []
        assert page.get("api/truth/0").status_code == 409


@pytest.mark.parametrize(
    ("name", "size", "says"), [("other", SIZE, "named like"), ("00000", (9, 9), "the frames")]
)
def test_truth_of_another_video_is_refused(truth, tmp_path, name, size, says):
    write_mask(tmp_path / "gt" / f"{name}.png", np.ones(size, np.uint8))
    with pytest.raises(MaskError, match=says), studio(tmp_path, gt=tmp_path / "gt"):
        pass
