"""Bridging: bootstrapping against an oracle, boxes, equal instances, grouping of the truth."""

from pathlib import Path

import numpy as np
import pytest
import torch

from propago.components import DETECTORS, load_component
from propago.data.instances import InstanceStill, example_of
from propago.errors import UsageError, WeightsError
from propago.methods.bridging.boxes import as_said, corners, ious, middles
from propago.methods.bridging.grouping import GroupingSettings, grouped
from propago.methods.bridging.net import BridgingConfig, BridgingNet
from propago.methods.bridging.objective import (
    BridgingObjective,
    box_loss,
    hard,
    known_log_probability,
)
from propago.methods.bridging.run import BridgingDetector
from propago.methods.bridging.train import BridgingTraining
from propago.nn.rcnn_targets import batched, pictures_of
from propago.nn.weights import fill_encoder, load_weights
from propago.types import Frame

SMALL = BridgingConfig(outputs=4, width=32, depth=1)


def oracle(likely, known, count, easy):
    """The positions that stay, by sorting."""
    there = sorted((p, n) for n, (p, k) in enumerate(zip(likely, known, strict=True)) if k)
    if len(there) <= count:
        return {n for _, n in there}
    threshold = max(easy, there[count - 1][0])
    return {n for p, n in there if p <= threshold}


@pytest.mark.parametrize(
    "likely",
    [
        [0.1, 0.9, 0.5, 0.95, 0.7],
        [0.9, 0.95, 0.99, 0.92, 0.97],
        [0.8, 0.8, 0.8, 0.9, 0.8],
        [0.1, 0.2, 0.3, 0.4, 0.5],
    ],
    ids=["mixed", "all easy", "ties", "all hard"],
)
@pytest.mark.parametrize("count", [1, 3, 9])
@pytest.mark.parametrize("known", [[1, 1, 1, 1, 1], [0, 1, 1, 0, 1]])
def test_bootstrapping_keeps_what_sorting_says(likely, count, known):
    p, there = torch.tensor(likely), torch.tensor(known).bool()
    kept = set(hard(p, there, count, 0.6).nonzero()[:, 0].tolist())
    assert kept == oracle(p.tolist(), known, count, 0.6)
    assert len(kept) >= min(count, sum(known))


def test_the_hardest_are_those_of_the_batch():
    likely = torch.tensor([[0.99, 0.98], [0.7, 0.8]])
    kept = hard(likely, torch.ones(2, 2, dtype=torch.bool), 2, 0.6)
    assert kept.tolist() == [[False, False], [True, True]]


def test_boxes_there_and_back():
    assert middles((2, 3))[:, 1, 2].tolist() == [20, 12]
    box = torch.tensor([4.0, 6, 30, 14]).view(1, 4, 1, 1).expand(1, 4, 2, 3)
    said = as_said(box)
    assert said[0, :, 0, 0].tolist() == [13, 6, 8, 26]
    assert torch.equal(corners(said), box)
    assert torch.allclose(ious(box, box), torch.ones(1, 2, 3))
    assert ious(box, box + torch.tensor([13.0, 0, 13, 0]).view(1, 4, 1, 1))[0, 0, 0] == 1 / 3


def example(draw, classes, labelled=None, size=(64, 96)):
    image, ids = np.full((*size, 3), 60, np.uint8), np.zeros(size, np.uint16)
    for n, (rows, columns) in enumerate(draw, 1):
        ids[slice(*rows), slice(*columns)] = n
        image[slice(*rows), slice(*columns)] = (60 * n, 250 - 50 * n, 90)
    still = InstanceStill(Path("x.jpg"), lambda: ids, dict(enumerate(classes, 1)), labelled)
    return example_of(image, ids, still)


def test_every_instance_counts_alike():
    """Boxes of zeros: the loss is the mean of what each instance alone costs."""
    draws = [((0, 64), (0, 48)), ((8, 24), (64, 80))]
    both = batched([example(draws, [1, 1])], 4)
    alone = [batched([example([draw], [1])], 4) for draw in draws]
    losses = []
    for batch in (both, *alone):
        ids = batch.ids[:, 4::8, 4::8].long()
        losses.append(box_loss(torch.zeros(1, 4, 8, 12), ids, pictures_of(batch), 0)[0].item())
    assert losses[0] == pytest.approx((losses[1] + losses[2]) / 2)
    assert losses[1] != pytest.approx(losses[2])


def test_what_is_known_of_the_background_depends_on_what_is_labelled():
    log_p = torch.randn(4, 1, 2, generator=torch.Generator().manual_seed(0)).log_softmax(0)
    p, ids = log_p.exp(), torch.tensor([[0, 1]])
    every = pictures_of(batched([example([((0, 9), (0, 9))], [2])], 4))[0]
    some = pictures_of(batched([example([((0, 9), (0, 9))], [2], frozenset({2}))], 4))[0]
    found = known_log_probability(log_p, ids, every).exp()[0]
    assert torch.allclose(found, torch.stack([p[0, 0, 0], p[2, 0, 1]]))
    found = known_log_probability(log_p, ids, some).exp()[0]
    assert torch.allclose(found, torch.stack([1 - p[2, 0, 0], p[2, 0, 1]]))


def truth(discs, size=(30, 40)):
    """Maps of true categories and boxes of discs (row, column, radius, category), at stride 8."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    probabilities = np.zeros((4, *size))
    probabilities[0], boxes, masks = 0.9, np.zeros((4, *size)), []
    for row, column, radius, category in discs:
        mask = np.hypot(rows - row, columns - column) <= radius
        probabilities[:, mask] = 0
        probabilities[category, mask] = 0.9
        corner = np.array([column - radius, row - radius, column + radius + 1, row + radius + 1])
        boxes[:, mask] = 8 * corner[:, None]
        masks = [other & ~mask for other in masks] + [mask]
    return probabilities, boxes, masks


@pytest.mark.parametrize(
    "discs",
    [
        [(8, 8, 5, 1), (20, 28, 7, 1)],
        [(10, 10, 5, 1), (10, 21, 5, 1)],
        [(10, 10, 5, 1), (10, 21, 5, 2)],
        [],
    ],
    ids=["apart", "touching", "touching, of two classes", "none"],
)
def test_grouping_of_the_truth_is_the_truth(discs):
    probabilities, boxes, masks = truth(discs)
    groups = grouped(probabilities, boxes, 8)
    assert sorted(g.category for g in groups) == sorted(d[3] for d in discs)
    assert {g.mask.tobytes() for g in groups} == {mask.tobytes() for mask in masks}
    assert all(g.confidence == pytest.approx(0.9) for g in groups)


def test_instances_that_share_a_centre_and_nearly_a_box_merge():
    probabilities, boxes, masks = truth([(14, 18, 9, 1), (14, 18, 7, 1)])
    (one,) = grouped(probabilities, boxes, 8)
    assert np.array_equal(one.mask, masks[0] | masks[1])


def test_of_two_categories_of_one_mask_the_more_certain_stays():
    probabilities, boxes, masks = truth([(8, 8, 5, 1)])
    probabilities[1, masks[0]], probabilities[2, masks[0]] = 0.5, 0.4
    (one,) = grouped(probabilities, boxes, 8)
    assert (one.category, one.confidence) == (1, pytest.approx(0.5))
    two = grouped(probabilities, boxes, 8, GroupingSettings(max_mask_iou=1.0))
    assert [g.category for g in two] == [1, 2]


def test_a_step_trains_every_parameter_and_a_picture_of_nothing_is_one():
    torch.manual_seed(0)
    net = BridgingNet(SMALL)
    objective = BridgingObjective(net)
    loss, numbers = objective(batched([example([((8, 40), (8, 40))], [1])], 4), 0)
    loss.backward()
    assert not [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert numbers["kept"] == 1
    loss, numbers = objective(batched([example([], [])], 4), 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert numbers["box"] == 0


@pytest.mark.slow
def test_it_learns_a_picture_by_heart():
    torch.manual_seed(0)
    net = BridgingNet(SMALL)
    fill_encoder(net.encoder, load_weights("feelvos-further"))
    draws = [((8, 40), (8, 40)), ((24, 56), (48, 88))]
    picture = example(draws, [1, 2])
    batch, objective = batched([picture], 4), BridgingObjective(net, hardest=64)
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3)
    for step in range(120):
        loss, _ = objective(batch, step)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimiser.step()
    frame = Frame(torch.from_numpy(picture.image).permute(2, 0, 1).float() / 255, 0, "")
    detector = BridgingDetector(net, 64)
    found = detector(frame)
    assert sorted(found.classes.tolist()) == [1, 2]
    for n, category in enumerate(found.classes):
        mask, true = found.masks[n], picture.ids == 1 + picture.classes.tolist().index(category)
        assert (mask & true).sum() / (mask | true).sum() > 0.75
    semantic = detector.semantic(frame)
    assert np.mean(semantic == picture.classes[picture.ids - 1] * (picture.ids > 0)) > 0.9


@pytest.mark.parametrize("size", [(64, 96), (37, 51)])
def test_a_detector_gives_masks_in_the_frame(size):
    torch.manual_seed(0)
    detector = BridgingDetector(BridgingNet(SMALL), 64, min_confidence=0.0)
    frame = Frame(torch.rand(3, *size), 0, "")
    found = detector(frame)
    assert found.masks.shape == (len(found), *size)
    assert detector.semantic(frame).shape == size
    assert len(BridgingDetector(BridgingNet(SMALL), 64, min_confidence=1.0)(frame)) == 0


def test_what_cannot_be_is_said():
    with pytest.raises(WeightsError, match="of mask_rcnn/compact"):
        load_component(DETECTORS, "bridging", "`detector`", weights="mask-rcnn-compact")
    with pytest.raises(UsageError, match="height = 50: 32 divides it"):
        BridgingTraining(height=50)
