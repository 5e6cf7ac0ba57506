"""Textures and outlines, with and without scikit-image."""

import sys

import numpy as np
import pytest

from propago.data import textures
from propago.data.objects import MIN_OBJECT_PX, paste_moving
from propago.data.synthetic import SyntheticClips
from propago.errors import UsageError


@pytest.mark.parametrize("seed", range(12))
def test_textures_are_pictures_with_contrast_or_colour(seed):
    texture = textures.draw_texture(np.random.default_rng(seed), 48)
    assert texture.shape == (48, 48, 3)
    assert texture.dtype == np.uint8


@pytest.mark.parametrize("side", [12, 40, 120])
def test_outlines_are_closed_and_not_empty(side):
    for seed in range(20):
        mask = textures.draw_outline(np.random.default_rng(seed), side)
        assert mask.shape == (side, side)
        assert mask.max() == 255
        assert mask[[0, -1]].max() == 0
        assert mask[:, [0, -1]].max() == 0


def test_without_scikit_image_everything_is_procedural(monkeypatch):
    textures.photographs.cache_clear()
    monkeypatch.setitem(sys.modules, "skimage", None)
    assert textures.photographs() == ()
    clip = SyntheticClips(size=(48, 48), frames=2).sample(np.random.default_rng(0))
    assert clip.objects >= 1
    textures.photographs.cache_clear()


def test_photographs_are_the_named_ones():
    pytest.importorskip("skimage")
    photos = textures.photographs()
    assert len(photos) == len(textures.PHOTOGRAPHS)
    assert all(p.ndim == 3 and p.shape[2] == 3 and p.dtype == np.uint8 for p in photos)


@pytest.mark.parametrize("bad", [{"size": (16, 64)}, {"frames": 0}, {"max_objects": 0}])
def test_synthetic_clips_refuse_what_they_cannot_render(bad):
    with pytest.raises(UsageError, match="synthetic clips need"):
        SyntheticClips(**({"size": (64, 64), "frames": 2} | bad))


def clip_of(colour, box, shape=(3, 60, 60)):
    images, labels = np.full((*shape, 3), 20, np.uint8), np.zeros(shape, np.uint8)
    y0, x0, y1, x1 = box
    images[:, y0:y1, x0:x1] = colour
    labels[:, y0:y1, x0:x1] = 1
    return images, labels


def test_pasted_objects_carry_their_pixels_or_lie_behind():
    onto = clip_of((200, 0, 0), (10, 10, 50, 30))
    donor = clip_of((0, 0, 200), (20, 20, 40, 40))
    labelled, behind, drifted = 0, 0, 0
    for seed in range(40):
        images, labels = paste_moving(np.random.default_rng(seed), onto, donor)
        blue = images[..., 2] > 110
        if (labels == 2).any():
            labelled += 1
            bluish = images[..., 2] > 60
            assert (bluish & (labels == 2)).sum() > 0.9 * (labels == 2).sum()
        assert not (labels[blue & (images[..., 2] > 190)] == 1).any()
        behind += np.array_equal(labels == 1, onto[1] == 1)
        drifted += not np.array_equal(labels[0], labels[2])
    assert 15 < labelled < 40
    assert behind > 5
    assert drifted > 10
    assert (onto[1] == clip_of(0, (10, 10, 50, 30))[1]).all()


def test_nothing_is_pasted_from_an_empty_donor():
    onto = clip_of((200, 0, 0), (10, 10, 50, 30))
    empty = (onto[0], np.zeros_like(onto[1]))
    empty[1][:, 0, : MIN_OBJECT_PX - 1] = 1
    images, labels = paste_moving(np.random.default_rng(0), onto, empty)
    assert np.array_equal(images, onto[0])
    assert np.array_equal(labels, onto[1])
