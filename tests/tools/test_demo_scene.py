"""The demo scene: three objects, seen from the first frame on, that hide one another."""

import itertools

import cv2
import numpy as np
import pytest

from demo_scene.scene import BALL, PARROT, VAN, demo_scene
from demo_scene.scenery import HORIZON, ground_shift, paint_scenery
from propago.errors import UsageError
from propago.io.video import open_source
from render_demo_clip import render

SIZE = (120, 214)


@pytest.fixture(scope="module")
def story():
    return list(demo_scene(SIZE, frames=30))


def area(labels, label):
    return int((labels == label).sum())


def test_frames_are_images_with_label_maps(story):
    assert len(story) == 30
    for image, labels in story:
        assert image.shape == (*SIZE, 3)
        assert labels.shape == SIZE
        assert image.dtype == labels.dtype == np.uint8
        assert set(np.unique(labels)) <= {0, BALL, VAN, PARROT}


@pytest.mark.parametrize("label", [BALL, VAN, PARROT])
def test_every_object_is_seen_from_the_first_frame_to_the_last(story, label):
    areas = [area(labels, label) for _, labels in story]
    assert areas[0] > 100
    assert areas[-1] > 100
    assert min(areas) > 30


def test_objects_hide_one_another(story):
    """The van and the parrot lose a good part of their area, and each pair touches."""
    for label in (VAN, PARROT):
        areas = [area(labels, label) for _, labels in story]
        assert min(areas) < 0.75 * max(areas)
    touching = set()
    for _, labels in story:
        masks = ((i, (labels == i).astype(np.uint8)) for i in (1, 2, 3))
        near = {i: (cv2.dilate(mask, np.ones((3, 3)))) > 0 for i, mask in masks}
        touching |= {p for p in itertools.combinations(near, 2) if (near[p[0]] & near[p[1]]).any()}
    assert touching == {(1, 2), (1, 3), (2, 3)}


def test_masks_lie_on_the_objects(story):
    """Beside the scene without its cast, pixels differ inside the masks and hardly outside."""
    image, labels = story[0]
    empty = np.empty_like(image)
    paint_scenery(np.random.default_rng(0), SIZE).draw(empty, -0.1 * SIZE[1])
    differs = np.abs(image.astype(int) - empty).max(2) > 12
    assert differs[labels > 0].mean() > 0.93
    sky = np.zeros(SIZE, bool)
    sky[: int(HORIZON * SIZE[0])] = True
    rim = cv2.dilate((labels > 0).astype(np.uint8), np.ones((5, 5))) > 0
    assert not differs[sky & ~rim].any()


def test_same_seed_same_scene_and_another_seed_another_day(story):
    again = next(iter(demo_scene(SIZE, frames=30)))
    other = next(iter(demo_scene(SIZE, frames=30, seed=1)))
    assert np.array_equal(again[0], story[0][0])
    assert np.array_equal(again[1], story[0][1])
    assert not np.array_equal(other[0], story[0][0])
    assert np.array_equal(other[1], story[0][1])


@pytest.mark.parametrize("size", [(96, 128), (101, 333), (240, 135)])
def test_odd_sizes_and_single_frames(size):
    image, labels = next(iter(demo_scene(size, frames=1)))
    assert image.shape == (*size, 3)
    assert set(np.unique(labels)) == {0, BALL, VAN, PARROT}


@pytest.mark.parametrize(("size", "frames"), [((60, 200), 5), ((480, 854), 0)])
def test_what_cannot_be_drawn_is_refused_at_once(size, frames):
    with pytest.raises(UsageError, match="frames >= 1"):
        demo_scene(size, frames)


def test_ground_moves_more_the_nearer_it_is():
    assert ground_shift(HORIZON, 10, SIZE) == 0
    assert ground_shift(1.0, 10, SIZE) > ground_shift(0.75, 10, SIZE) > 0


def test_the_script_writes_a_clip_and_its_truth(tmp_path):
    render(tmp_path, size=(96, 128), frames=3)
    frames = list(open_source(tmp_path / "clip.mp4"))
    with np.load(tmp_path / "truth.npz") as file:
        assert file["labels"].shape == (3, 96, 128)
    assert [tuple(frame.size) for frame in frames] == [(96, 128)] * 3
