import cv2
import numpy as np
import pytest

from propago.data import pictures
from propago.data.pictures import StillPictures, draw_piece
from propago.data.stills import Still
from propago.errors import SourceError


@pytest.fixture
def still(tmp_path):
    """A red object, a speck, some void, on green."""
    ids = np.zeros((120, 160), np.uint8)
    ids[30:90, 30:130], ids[2:12, 2:12], ids[100:110, :] = 1, 2, 255
    image = np.full((120, 160, 3), (40, 150, 40), np.uint8)
    image[ids == 1] = (220, 20, 20)
    cv2.imwrite(str(tmp_path / "one.png"), image[..., ::-1])
    return Still(tmp_path / "one.png", lambda: ids)


def test_labels_lie_on_their_object_and_specks_are_void(still, monkeypatch):
    for change in ("jitter_colours", "degrade"):
        monkeypatch.setattr(pictures, change, lambda rng, images: images)
    sampler = StillPictures([still], size=(60, 80), least_share=0.01)
    void = False
    for seed in range(20):
        clip = sampler.sample(np.random.default_rng(seed))
        assert clip.images.shape == (1, 60, 80, 3)
        assert clip.labels.shape == (1, 60, 80)
        assert set(np.unique(clip.labels)) <= {0, 1, 255}
        inside = cv2.erode((clip.labels[0] == 1).astype(np.uint8), np.ones((3, 3)))
        outside = cv2.erode((clip.labels[0] == 0).astype(np.uint8), np.ones((3, 3)))
        red = clip.images[0, ..., 0] > clip.images[0, ..., 1]
        assert red[inside == 1].all()
        assert not red[outside == 1].any()
        void |= (clip.labels == 255).any()
    assert void


def test_without_a_least_share_a_speck_is_an_object(still):
    sampler = StillPictures([still], size=(60, 80))
    drawn = (sampler.sample(np.random.default_rng(seed)).labels for seed in range(20))
    assert any((labels == 2).any() for labels in drawn)


def test_pictures_repeat_and_differ(still):
    sampler = StillPictures([still], size=(60, 80))
    a, b, c = (sampler.sample(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a.images, b.images)
    assert np.array_equal(a.labels, b.labels)
    assert not np.array_equal(a.images, c.images)


@pytest.mark.parametrize("full", [(480, 854), (300, 200), (40, 40), (3, 500)])
def test_a_piece_has_the_shape_and_lies_inside(full):
    for seed in range(50):
        rows, columns = draw_piece(np.random.default_rng(seed), full, (256, 256))
        height, width = rows.stop - rows.start, columns.stop - columns.start
        assert 0 <= rows.start < rows.stop <= full[0]
        assert 0 <= columns.start < columns.stop <= full[1]
        if min(full) > 100:
            assert 0.89 < height / width < 1.12
            assert max(height / full[0], width / full[1]) > 0.5


def test_pictures_without_objects_are_said(still):
    with pytest.raises(SourceError, match="at least one picture"):
        StillPictures([], size=(60, 80))
    empty = Still(still.image, lambda: np.zeros((120, 160), np.uint8))
    with pytest.raises(SourceError, match="no object of 40 px"):
        StillPictures([empty], size=(60, 80)).sample(np.random.default_rng(0))
