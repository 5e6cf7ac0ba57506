"""Losses of Mask R-CNN: against their formulas, and what must not matter."""

import math

import pytest
import torch
import torch.nn.functional as F

from propago.nn.mask_rcnn import MaskRcnn, MaskRcnnConfig, of_class
from propago.nn.rcnn_losses import (
    Examples,
    Sampling,
    class_losses,
    mask_loss,
    mask_rcnn_losses,
    proposal_losses,
)
from propago.nn.rcnn_targets import Instances, pictures_of
from propago.nn.rpn import Anchored

SMALL = MaskRcnnConfig(
    width=16,
    hidden=32,
    mask_width=16,
    mask_convolutions=1,
    outputs=5,
    anchors_px={8: (16,), 16: (32,), 32: (64,)},
)
SAMPLING = Sampling(anchors=32, boxes=16, before=50, after=50)
EVERY = torch.ones(5, dtype=torch.bool)


def squares(count, outputs=5):
    """Pictures with one bright square each; the last is empty."""
    images = torch.full((count, 3, 64, 64), 60, dtype=torch.uint8)
    ids = torch.zeros(count, 64, 64, dtype=torch.int16)
    boxes, classes = [], []
    for n in range(count - 1):
        images[n, :, 16 : 40 + n, 8:36] = 220
        ids[n, 16 : 40 + n, 8:36] = 1
        boxes.append(torch.tensor([[8.0, 16, 36, 40 + n]]))
        classes.append(torch.tensor([1 + n % (outputs - 1)]))
    boxes.append(torch.zeros(0, 4))
    classes.append(torch.zeros(0, dtype=torch.int64))
    return Instances(images, ids, boxes, classes, torch.ones(count, outputs, dtype=torch.bool))


def test_where_all_is_labelled_the_class_loss_is_cross_entropy():
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    losses = class_losses(logits, torch.tensor([3, 1]), EVERY)
    wanted = F.cross_entropy(logits, torch.tensor([3, 1, 0, 0, 0, 0]), reduction="none")
    assert torch.allclose(losses, wanted, atol=1e-6)


def test_where_some_is_labelled_a_negative_is_only_none_of_these():
    logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    p = logits.softmax(1)
    some = torch.tensor([True, False, True, False, True])
    losses = class_losses(logits, torch.tensor([2]), some)
    assert losses[0].item() == pytest.approx(-math.log(p[0, 2]), rel=1e-5)
    for row in (1, 2):
        assert losses[row].item() == pytest.approx(-math.log(1 - p[row, 2] - p[row, 4]), rel=1e-4)
    none = class_losses(logits, torch.zeros(0, dtype=torch.int64), torch.zeros(5, dtype=torch.bool))
    assert torch.allclose(none, torch.zeros(3), atol=1e-5)


def test_a_box_that_is_right_costs_nothing():
    batch = squares(2)
    anchors = torch.tensor([[8.0, 16, 36, 40], [40, 40, 60, 60]])
    said = Anchored(torch.tensor([[20.0, -20], [-20, -20]]), torch.zeros(2, 2, 4), anchors, (2,))
    generator = torch.Generator().manual_seed(0)
    objectness, apart = proposal_losses(said, pictures_of(batch), 8, generator)
    assert (objectness.item(), apart.item()) == (pytest.approx(0, abs=1e-6), 0)
    moved = said._replace(offsets=torch.full((2, 2, 4), 0.5))
    _, apart = proposal_losses(moved, pictures_of(batch), 8, generator)
    assert apart.item() == pytest.approx(4 * (0.5 - 1 / 18) / 4)


def test_the_mask_loss_hears_the_channel_of_the_class_alone():
    torch.manual_seed(0)
    net = MaskRcnn(MaskRcnnConfig(**{**vars(SMALL), "by_class": True}))
    levels = {stride: torch.rand(1, 16, 64 // stride, 64 // stride) for stride in (4, 8, 16, 32)}
    batch = squares(2)
    one = Instances(
        batch.images[:1], batch.ids[:1], batch.boxes[:1], batch.classes[:1], EVERY[None]
    )
    examples = [Examples(batch.boxes[0], torch.tensor([0]))]
    loss = mask_loss(net, levels, examples, pictures_of(one))
    loss.backward()
    gradient = net.mask_head.logits.weight.grad.flatten(1).abs().sum(1)
    assert gradient[1] > 0
    assert gradient.sum() == gradient[1]
    with torch.no_grad():
        net.mask_head.logits.bias[[0, 2, 3, 4]] += 9
    assert mask_loss(net, levels, examples, pictures_of(one)).item() == pytest.approx(loss.item())


@pytest.mark.parametrize("by_class", [False, True])
def test_every_parameter_learns_and_a_picture_of_nothing_is_one(by_class):
    torch.manual_seed(0)
    net = MaskRcnn(MaskRcnnConfig(**{**vars(SMALL), "by_class": by_class}))
    found = mask_rcnn_losses(net, squares(3), SAMPLING, torch.Generator().manual_seed(0))
    sum(found.losses.values()).backward()
    without = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without
    empty = squares(1)
    losses = mask_rcnn_losses(net, empty, SAMPLING, torch.Generator().manual_seed(0)).losses
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert losses["mask"] == losses["box"] == losses["anchor_box"] == 0
    sum(losses.values()).backward()


def test_what_is_said_of_a_class():
    said = torch.arange(12.0).view(2, 3, 2)
    assert of_class(said, torch.tensor([2, 0])).tolist() == [[4, 5], [6, 7]]
    assert of_class(said[:, :1], torch.tensor([2, 0])).tolist() == [[0, 1], [6, 7]]
