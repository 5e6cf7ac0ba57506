"""A patch of its own texture over a background of another, carried from frame to frame."""

import cv2
import numpy as np
import pytest
import torch

from propago.methods.feelvos.leaps import carried_with_leaps
from propago.methods.feelvos.object_inputs import carry

SIZE = (120, 200)


def texture(seed, height, width):
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), 1.5)
    return (blurred - blurred.min()) / (blurred.max() - blurred.min())


SCENERY = texture(0, *SIZE)


def scene(x, y, angle=0, side=(20, 30)):
    """The frame (3, H, W) with a patch whose middle is at (x, y), and its mask (1, H, W)."""
    height, width = side
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1)
    matrix[:, 2] += x - (width - 1) / 2, y - (height - 1) / 2
    moved = cv2.warpAffine(texture(1, height, width), matrix, SIZE[::-1])
    share = cv2.warpAffine(np.ones(side, np.float32), matrix, SIZE[::-1])
    picture = SCENERY * (1 - share[..., None]) + moved * share[..., None]
    return torch.from_numpy(picture.transpose(2, 0, 1).copy()), torch.from_numpy(share)[None]


def overlap(found, truth):
    """IoU to the right of the middle, where only what has leapt is."""
    here, there = (x[..., SIZE[1] // 2 :] > 0.5 for x in (found, truth))
    return float((here & there).sum() / (here | there).sum())


def standing():
    return torch.zeros(2, *SIZE)


@pytest.mark.parametrize(("angle", "least"), [(0, 0.99), (15, 0.85), (-30, 0.85), (-22, 0.8)])
def test_a_small_thing_that_leaps_and_turns_is_found_again(angle, least):
    before, mask = scene(70, 50)
    now, truth = scene(128, 66, angle)
    flow = standing()
    carried, others, error = carried_with_leaps(before, now, mask, flow)
    assert overlap(carried[0, 0], truth[0]) > least
    assert error[0][truth[0] > 0.99].mean() < 0.12
    assert carried.shape == others.shape == (1, 1, *SIZE)
    assert not flow.any()


def test_its_old_place_becomes_another_objects_that_lies_where_it_lands():
    before, mask = scene(70, 50)
    bearer = torch.zeros(1, *SIZE)
    bearer[:, :, 100:] = 1
    now, truth = scene(130, 50)
    carried, others, _ = carried_with_leaps(before, now, torch.cat([mask, bearer]), standing())
    landed = truth[0] > 0.99
    assert carried[0, 0][landed].min() > 0.9
    assert carried[1, 0][landed].max() < 0.1
    assert others[1, 0][landed].min() > 0.9


@pytest.mark.parametrize("what", ["followed by flow", "gone", "large", "a few pixels", "nowhere"])
def test_what_has_not_leapt_is_carried_by_flow(what):
    side = {"large": (90, 100), "a few pixels": (2, 3)}.get(what, (20, 30))
    before, mask = scene(80, 56, side=side)
    now = scene(128, 56, side=side)[0]
    flow = standing()
    if what == "gone":
        now = torch.from_numpy(SCENERY.transpose(2, 0, 1).copy())
    elif what == "followed by flow":
        flow[0] = -48
    elif what == "nowhere":
        mask = torch.zeros(1, *SIZE)
    found, expected = carried_with_leaps(before, now, mask, flow), carry(before, now, mask, flow)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
