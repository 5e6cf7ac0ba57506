import cv2
import numpy as np
import pytest
import torch

from propago.data.coarse import blocks
from propago.refinement.spn.net import SpnNet
from propago.refinement.spn.objective import CropBatch, SpnObjective


def batch(size=48):
    """Bright disks on dark ground, with coarse masks of blocks of 8."""
    truth = np.zeros((2, 1, size, size), np.uint8)
    for mask, (x, y) in zip(truth, [(20, 22), (27, 25)], strict=True):
        cv2.circle(mask[0], (x, y), 13, 1, -1)
    coarse = np.stack([blocks(mask[0], 8)[None] for mask in truth])
    images = np.repeat(truth * 180 + 40, 3, axis=1).astype(np.uint8)
    return CropBatch(*(torch.from_numpy(a) for a in (images, coarse, truth)))


def test_some_steps_sharpen_blocks():
    torch.manual_seed(0)
    objective, examples = SpnObjective(SpnNet()), batch()
    objective.net.pretrained.requires_grad_(False)
    optimiser = torch.optim.AdamW(objective.parameters(), 3e-3)
    seen = []
    for step in range(30):
        loss, numbers = objective(examples, step)
        seen.append(numbers)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    first, last = seen[0], seen[-1]
    assert first["j_after"] == pytest.approx(first["j_before"])
    assert last["loss"] < 0.7 * first["loss"]
    assert last["j_after"] > first["j_before"] + 0.05


def test_void_counts_for_nothing():
    objective, examples = SpnObjective(SpnNet()).eval(), batch()
    changed = examples.truth.clone()
    changed[:, :, :, :8] = 255
    with torch.no_grad():
        a = objective(CropBatch(examples.images, examples.coarse, changed), 0)[0]
        coarse = examples.coarse.clone()
        coarse[:, :, :, :8] = 1
        b = objective(CropBatch(examples.images, coarse, changed), 0)[0]
    assert torch.allclose(a, b)


def test_a_perfect_mask_costs_less_than_a_coarse_one_and_an_empty_truth_is_finite():
    objective, examples = SpnObjective(SpnNet()).eval(), batch()
    with torch.no_grad():
        coarse = objective(examples, 0)[0]
        perfect = objective(CropBatch(examples.images, examples.truth.float(), examples.truth), 0)[
            0
        ]
        empty = objective(
            CropBatch(examples.images, examples.coarse, torch.zeros_like(examples.truth)), 0
        )[0]
    assert perfect < coarse
    assert empty.isfinite()
