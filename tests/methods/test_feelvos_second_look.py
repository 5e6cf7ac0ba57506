"""Second looks at small objects: where, of which objects, and what they are worth."""

import numpy as np
import pytest
import torch

from propago.components import load_method
from propago.io.checkpoint import load_state, save_state
from propago.methods.feelvos.window import Extent, Window, own_and_others, window_around
from propago.pipeline import segment_frames
from propago.types import Annotation, Frame

FRAME = (480, 854)
SCALE = 304 / 480


def test_extent_by_hand():
    mask = torch.zeros(20, 30, dtype=torch.bool)
    assert Extent.of(mask) is None
    mask[4, 10] = mask[7, 21] = True
    assert Extent.of(mask) == Extent((6.0, 16.0), 12)


def test_a_window_is_two_boxes_wide_around_the_object():
    assert window_around(Extent((200.0, 400.0), 50), FRAME, SCALE) == Window(150, 350, 100)


def test_a_window_lies_inside_of_the_frame():
    assert window_around(Extent((5.0, 850.0), 50), FRAME, SCALE) == Window(0, 754, 100)


def test_an_object_that_is_large_already_has_none():
    assert window_around(Extent((200.0, 400.0), 136), FRAME, SCALE) == Window(64, 264, 272)
    assert window_around(Extent((200.0, 400.0), 138), FRAME, SCALE) is None
    assert window_around(Extent((30.0, 30.0), 20), (40, 60), 0.9) is None  # the frame is smaller


def test_a_frame_that_is_not_shrunk_has_none():
    assert window_around(Extent((50.0, 60.0), 20), (96, 128), 1.0) is None


def test_a_window_goes_where_the_object_goes():
    moved = window_around(Extent((200.0, 400.0), 50), FRAME, SCALE, (200.0, 380.0))
    assert moved == Window(140, 350, 120)  # holds its place now and the one it goes to


def test_a_window_stays_while_it_fits():
    before = Window(150, 350, 100)
    near, far = Extent((206.0, 408.0), 50), Extent((206.0, 414.0), 50)
    assert window_around(near, FRAME, SCALE, near.centre, before) == before
    assert window_around(far, FRAME, SCALE, far.centre, before) == Window(156, 364, 100)
    grown = Extent((200.0, 400.0), 66)
    assert window_around(grown, FRAME, SCALE, grown.centre, before) == Window(134, 334, 132)


def test_an_object_beside_all_others():
    masks = torch.tensor([[[0.5, 0.0]], [[0.25, 0.75]], [[0.25, 0.5]]])
    assert own_and_others(masks, 0).tolist() == [[[0.5, 0.0]], [[0.5, 1.0]]]


@pytest.fixture(scope="module")
def clip():
    """A dark disc of 13 px and a large bright one, on noise of many sizes; both move."""
    rng = np.random.default_rng(0)
    scenery = sum(
        np.kron(rng.normal(0, 20, (side, side)), np.ones((480 // side, 480 // side)))
        for side in (4, 8, 20, 40)
    )
    ys, xs = np.mgrid[:480, :480]
    frames, labels = [], []
    for t in range(6):
        small = (ys - 100) ** 2 + (xs - 60 - 4 * t) ** 2 < 13**2
        large = (ys - 300) ** 2 + (xs - 300 + 3 * t) ** 2 < 120**2
        picture = np.stack([130 + scenery, 120 + scenery, 110 + scenery], -1)
        picture[large] = [220, 190, 90]
        picture[small] = [60, 50, 140]
        image = torch.from_numpy(picture.clip(0, 255).astype(np.float32) / 255).permute(2, 0, 1)
        frames.append(Frame(image, t, f"{t:05d}"))
        labels.append((small + 2 * large).astype(np.uint8))
    return frames, labels


def test_only_small_objects_are_looked_at_and_only_so_many(clip):
    frames, labels = clip
    for looks, expected in ((3, {1}), (0, set())):
        method = load_method("feelvos", weights="synthetic", device="cpu", looks=looks)
        results = segment_frames(frames[:2], {0: Annotation(labels[0])}, method)
        state = [result.checkpoint.state for result in results][-1]
        assert {i for i, look in state.looks.items() if look.window} == expected


def test_an_object_that_is_not_annotated_any_more_keeps_its_look(clip):
    frames, labels = clip
    method = load_method("feelvos", weights="synthetic", device="cpu")
    given = {0: Annotation(np.where(labels[0] == 1, 1, 0).astype(np.uint8))}
    given[2] = Annotation(np.where(labels[2] == 2, 2, 0).astype(np.uint8))
    for result in segment_frames(frames[:4], given, method):
        looks = result.checkpoint.state.looks
    assert looks[1].followed.frames == 4
    assert len(looks[1].followed.anchors) == 1


def test_a_second_look_follows_the_edge_more_closely(clip):
    frames, labels = clip
    overlap = {}
    for looks in (0, 3):
        method = load_method("feelvos", device="cpu", looks=looks)
        results = segment_frames(frames, {0: Annotation(labels[0])}, method)
        pairs = [(r.labels == 1, true == 1) for r, true in zip(results, labels, strict=True)]
        overlap[looks] = np.mean([(a & b).sum() / (a | b).sum() for a, b in pairs[1:]])
    assert overlap[3] > overlap[0] + 0.02


def test_a_checkpoint_holds_the_looks(clip, tmp_path):
    frames, labels = clip
    method = load_method("feelvos", weights="synthetic", device="cpu")
    whole = list(segment_frames(frames[:4], {0: Annotation(labels[0])}, method))
    save_state(tmp_path / "state.safetensors", whole[1].checkpoint)
    resume = load_state(tmp_path / "state.safetensors", ("propago",))
    rest = list(segment_frames(frames[2:4], {}, method, resume=resume))
    assert [i for i, look in resume.state.looks.items() if look.window] == [1]
    for ours, theirs in zip(rest, whole[2:], strict=True):
        assert torch.equal(ours.masks.probabilities, theirs.masks.probabilities)
