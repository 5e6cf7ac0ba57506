"""Views of single objects: what is in them, and what lies beside the picture."""

import cv2
import numpy as np
import pytest

from propago.data.object_views import LEAST_PX, ObjectViews, view
from propago.data.stills import Still
from propago.errors import SourceError


@pytest.fixture
def stills(tmp_path):
    """A picture of two rectangles, red and blue, in grey."""
    ids = np.zeros((60, 100), np.uint8)
    ids[20:40, 10:30], ids[10:50, 60:90] = 1, 2
    picture = np.full((60, 100, 3), 128, np.uint8)
    picture[ids == 1], picture[ids == 2] = (0, 0, 255), (255, 0, 0)
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return [Still(tmp_path / "a.png", lambda: ids)]


def test_a_view_means_one_object(stills):
    views = ObjectViews([(1.0, stills)], 64)
    drawn = [views.sample(np.random.default_rng(n)) for n in range(20)]
    for one in drawn:
        assert one.image.shape == (64, 64, 3)
        assert set(np.unique(one.truth)) <= {0, 1, 255}
        assert (one.truth == 1).sum() >= LEAST_PX
    shares = [(one.truth == 1).mean() for one in drawn]
    assert min(shares) < 0.15 < 0.3 < max(shares)
    again = views.sample(np.random.default_rng(3))
    np.testing.assert_array_equal(again.image, drawn[3].image)


def test_what_lies_beside_the_picture_is_void():
    image = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3)
    truth = np.eye(4, dtype=np.uint8)
    seen, known = view(image, truth, (-2, 0, 6, 8), 8)
    np.testing.assert_array_equal(seen[:4, 2:6], image)
    np.testing.assert_array_equal(known[:4, 2:6], truth)
    known[:4, 2:6] = 255
    assert (known == 255).all()


def test_a_window_beside_the_picture_is_all_void():
    seen, known = view(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), (4, 0, 8, 4), 8)
    assert (known == 255).all()
    assert seen.shape == (8, 8, 3)


def test_pictures_without_objects_are_no_examples(stills, tmp_path):
    empty = Still(stills[0].image, lambda: np.zeros((60, 100), np.uint8))
    with pytest.raises(SourceError, match="check the masks"):
        ObjectViews([(1.0, [empty])], 32).sample(np.random.default_rng(0))
    with pytest.raises(SourceError, match="no picture"):
        ObjectViews([(1.0, [])], 32)
