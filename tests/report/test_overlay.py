import numpy as np
import torch

from propago.ops.image import image_to_rgb
from propago.report.overlay import VIVID, draw_ids, draw_overlay


def scene():
    rgb = np.random.default_rng(0).integers(0, 256, (41, 57, 3), dtype=np.uint8)
    labels = np.zeros((41, 57), np.uint8)
    labels[10:30, 10:30], labels[10:30, 30:45] = 1, 2
    return rgb, labels


def test_only_objects_are_painted_and_the_input_stays():
    rgb, labels = scene()
    before = rgb.copy()
    drawn = draw_overlay(rgb, labels)
    assert np.array_equal(rgb, before)
    assert np.array_equal(drawn[labels == 0], rgb[labels == 0])
    assert (drawn[labels > 0] != rgb[labels > 0]).any(1).all()


def test_inside_is_tinted_and_the_outline_has_the_plain_colour():
    rgb, labels = scene()
    drawn = draw_overlay(rgb, labels, opacity=0.5)
    expected = (rgb[20, 20].astype(float) + VIVID[1]) / 2
    assert np.abs(drawn[20, 20] - expected).max() <= 1
    for y, x, label in ((10, 20, 1), (20, 29, 1), (20, 30, 2), (29, 44, 2)):
        assert np.array_equal(drawn[y, x], VIVID[label])


def test_nothing_to_draw_is_the_picture_itself():
    rgb, labels = scene()
    assert np.array_equal(draw_overlay(rgb, labels * 0), rgb)


def test_many_ids_repeat_the_colours_but_never_vanish():
    rgb, labels = scene()
    far = np.where(labels > 0, labels.astype(np.uint16) + 255, 0).astype(np.uint16)
    assert np.array_equal(draw_overlay(rgb, far), draw_overlay(rgb, labels))
    drawn = draw_overlay(rgb, np.full((41, 57), 510, np.uint16))
    assert (drawn != rgb).any()


def test_pictures_survive_the_way_to_floats_and_back():
    rgb, _ = scene()
    image = torch.from_numpy(rgb).permute(2, 0, 1).float() / 255
    assert np.array_equal(image_to_rgb(image), rgb)


def test_ids_stand_at_their_objects_and_void_has_none():
    labels = np.zeros((120, 160), np.uint8)
    labels[60:90, 20:50], labels[:20, 100:140] = 7, 255
    drawn = draw_ids(np.full((120, 160, 3), 128, np.uint8), labels)
    changed = (drawn != 128).any(2)
    assert changed[40:60, 15:50].any()
    assert not changed[:, 60:].any()
    assert not changed[90:].any()
    other = draw_ids(np.full((120, 160, 3), 128, np.uint8), np.where(labels == 7, 8, 0))
    assert (drawn != other).any()
