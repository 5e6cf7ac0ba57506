"""What an object looks like, learned from an annotated frame, corrects later ones."""

import pytest
import torch

from propago.components import load_method
from propago.methods.feelvos.appearance import MOST, appearance_examples, corrections
from propago.methods.feelvos.net import FrameFeatures
from propago.nn.backbones import Pyramid
from propago.pipeline import Session
from tiny_clip import as_frames, tiny_clip

HEIGHT, WIDTH = 64, 96


def seen_of(bright):
    """A frame whose finest features show where it is `bright` (H, W), and noise beside."""
    two = torch.nn.functional.avg_pool2d(bright[None, None], 2)
    noise = torch.rand(1, 2, HEIGHT // 4, WIDTH // 4)
    embedding = torch.nn.functional.normalize(torch.rand(1, 3, HEIGHT // 8, WIDTH // 8), dim=1)
    return FrameFeatures(Pyramid({2: two, 4: noise, 8: embedding}), embedding, embedding)


def square(top, left, side=24):
    mask = torch.zeros(HEIGHT, WIDTH)
    mask[top : top + side, left : left + side] = 1
    return mask


@pytest.fixture
def known():
    mask = square(16, 16)
    return appearance_examples(seen_of(mask), mask[None])


def logits_of(mask):
    return 8 * mask - 4


NOBODY = torch.zeros(HEIGHT, WIDTH)


def test_an_object_grows_to_what_looks_like_it_and_leaves_what_does_not(known):
    there = square(16, 32)
    found = logits_of(square(16, 30))  # two columns too far left
    shown = corrections(seen_of(there), known, 0, found, NOBODY)
    missed, wrong = (there > 0) & (found < 0), (there == 0) & (found > 0)
    assert shown[missed].mean() > 0.1
    assert shown[wrong].mean() < -0.1
    assert shown.abs().max() <= MOST


def test_nothing_is_corrected_far_from_the_object(known):
    bright = square(16, 16) + square(16, 70)
    shown = corrections(seen_of(bright), known, 0, logits_of(square(16, 16)), NOBODY)
    assert not shown[:, 70:].any()


def test_an_object_that_looks_otherwise_now_is_left_to_the_network(known):
    shown = corrections(seen_of(1 - square(16, 16)), known, 0, logits_of(square(16, 16)), NOBODY)
    assert not shown.any()


@pytest.mark.parametrize(("left", "corrected"), [(42, False), (64, True)])
def test_who_of_two_that_touch_has_a_pixel_is_for_the_network(known, left, corrected):
    found = logits_of(square(16, 14))
    shown = corrections(seen_of(square(16, 16)), known, 0, found, square(16, left))
    assert shown.any() == corrected


def test_an_object_that_is_not_seen_has_no_correction(known):
    assert not corrections(seen_of(square(16, 16)), known, 0, logits_of(NOBODY), NOBODY).any()


def test_an_object_without_a_mask_has_no_examples():
    masks = torch.stack([square(16, 16), torch.zeros(HEIGHT, WIDTH)])
    known = appearance_examples(seen_of(masks[0]), masks)
    assert known.weight.tolist() == [1, 0]
    assert not corrections(seen_of(masks[0]), known, 1, logits_of(masks[0]), NOBODY).any()


def test_every_annotated_frame_is_learned_from_and_a_new_object_has_its_own():
    images, labels = tiny_clip(3, (96, 128), ids=(1, 2))
    method = load_method("feelvos", weights="synthetic", size=96, device="cpu")
    session = Session(method)
    first = labels[0].copy()
    first[first == 2] = 0
    weights = []
    for frame, given in zip(as_frames(images), (first, None, labels[2]), strict=True):
        session.step(frame, given)
        weights.append(session.checkpoint.state.whole.appearance.weight.tolist())
    assert weights == [[1], [1], [2, 1]]
