"""From logits to instances: proposals and what is chosen, by hand."""

import pytest
import torch
from torch import nn

from propago.errors import UsageError
from propago.nn.detection import (
    DetectionSettings,
    Found,
    View,
    as_certain_as_masks,
    at_full_size,
    chosen,
    judged,
    masked,
    without_parts,
)
from propago.nn.mask_rcnn import FPN_STRIDES, MaskRcnn, Seen
from propago.nn.rcnn_losses import BOX_WEIGHTS
from propago.nn.rpn import Anchored, proposals

BOXES = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30]])


def test_proposals_are_the_likeliest_of_each_level_without_doubles():
    anchors = torch.cat([BOXES, torch.tensor([[0.0, 0, 10, 10], [40, 40, 60, 60]])])
    logits = torch.tensor([[2.0, 3, 1, 2.5, 0]])
    said = Anchored(logits, torch.zeros(1, 5, 4), anchors, (3, 2))
    (boxes,) = proposals(said, (50, 50), before=2, after=10)
    assert boxes.tolist() == [[1, 0, 11, 10], [0, 0, 10, 10], [40, 40, 50, 50]]
    (one,) = proposals(said, (50, 50), before=5, after=1)
    assert one.tolist() == [[1, 0, 11, 10]]


def test_a_box_that_lies_outside_is_no_proposal():
    said = Anchored(torch.ones(1, 1), torch.zeros(1, 1, 4), torch.tensor([[60.0, 0, 70, 9]]), (1,))
    (none,) = proposals(said, (50, 50), 5, 5)
    assert none.shape == (0, 4)


def test_doubles_go_class_by_class_and_the_background_is_no_class():
    probabilities = torch.tensor([[0.1, 0.6, 0.3], [0.2, 0.8, 0.0], [0.97, 0.02, 0.01]])
    found = chosen(BOXES[:, None], probabilities, DetectionSettings(0.05))
    assert found.classes.tolist() == [1, 2]
    assert found.confidence.tolist() == pytest.approx([0.8, 0.3])
    assert found.boxes.tolist() == [[1, 0, 11, 10], [0, 0, 10, 10]]
    by_class = torch.stack([BOXES, BOXES + 1, BOXES + 2], 1)
    found = chosen(by_class, probabilities, DetectionSettings(0.05, most=1))
    assert found.boxes.tolist() == [[2, 1, 12, 11]]


def test_what_is_found_in_a_smaller_picture_is_laid_into_the_whole():
    found = Found(BOXES[:1], torch.tensor([3]), torch.tensor([0.9]), torch.ones(1, 4, 4))
    whole = at_full_size(found, (30, 30), (60, 90))
    assert whole.boxes_xyxy.tolist() == [[0, 0, 30, 20]]
    assert whole.masks.shape == (1, 60, 90)
    assert whole.masks[0, :20, :30].all()
    assert whole.masks.sum() == 600


def test_a_part_of_a_better_one_goes():
    boxes = torch.tensor([[0.0, 0, 40, 40], [4, 4, 20, 20], [20, 20, 60, 60]])
    three = Found(boxes, torch.ones(3), torch.tensor([0.9, 0.8, 0.7]), torch.ones(3, 4, 4))
    assert without_parts(three, (80, 80), 1.0) is three
    assert without_parts(three, (80, 80), 0.7).boxes.tolist() == boxes[[0, 2]].tolist()
    assert without_parts(three, (80, 80), 0.2).boxes.tolist() == boxes[:1].tolist()
    none = three._replace(boxes=boxes[:0], masks=three.masks[:0])
    assert len(without_parts(none, (80, 80), 0.5).boxes) == 0


class Nudging(nn.Module):
    """A box head that moves every box half its width to the right, and is surer each time."""

    def __init__(self):
        super().__init__()
        self.asked = 0

    def forward(self, features):
        self.asked += 1
        logits = torch.tensor([[0.0, self.asked]]).repeat(len(features), 1)
        offsets = torch.tensor([0.5 * BOX_WEIGHTS[0], 0, 0, 0]).repeat(len(features), 1, 1)
        return logits, offsets


LEVELS = {stride: torch.zeros(1, 4, 64 // stride, 64 // stride) for stride in FPN_STRIDES}
NOTHING = Seen(LEVELS, Anchored(torch.zeros(1, 0), torch.zeros(1, 0, 4), BOXES[:0], ()))


def test_each_pass_begins_at_the_boxes_of_the_one_before():
    net = MaskRcnn()
    for passes, moved_px in ((1, 5), (2, 10)):
        net.box_head = Nudging()
        boxes, probabilities = judged(net, [View(NOTHING, (64, 64))], BOXES[:1], passes)
        assert boxes[0, 0].tolist() == pytest.approx([moved_px, 0, 10 + moved_px, 10])
        logits = torch.arange(1.0, passes + 1)
        assert float(probabilities[0, 1]) == pytest.approx(float(logits.sigmoid().mean()))


def test_boxes_of_a_mirrored_enlarged_view_come_back_as_they_were():
    plain, other = View(NOTHING, (50, 100)), View(NOTHING, (100, 200), mirrored=True)
    there = other.boxes_of(plain, BOXES)
    assert there[0].tolist() == [180, 0, 200, 20]
    assert torch.equal(plain.boxes_of(other, there), BOXES)


def test_views_take_turns_and_a_mirrored_one_moves_boxes_the_other_way():
    net = MaskRcnn()
    net.box_head = Nudging()
    views = [View(NOTHING, (64, 64)), View(NOTHING, (128, 128), mirrored=True)]
    boxes, probabilities = judged(net, views, BOXES[2:], passes=2)
    assert boxes[0, 0].tolist() == pytest.approx([20, 20, 30, 30])  # 5 to the right, 5 back
    logits = torch.tensor([1.0, 2.0])
    assert float(probabilities[0, 1]) == pytest.approx(float(logits.sigmoid().mean()))


class RightHalf(nn.Module):
    """A mask head that sees every object in the right half of its box."""

    def forward(self, features):
        return torch.tensor([[-9.0, 9.0], [-9.0, 9.0]]).repeat(len(features), 3, 1, 1)


def test_a_mask_is_the_mean_of_all_views_the_mirrored_ones_turned_back():
    net = MaskRcnn()
    net.mask_head = RightHalf()
    found = Found(BOXES[:1], torch.tensor([1]), torch.tensor([0.9]), torch.zeros(1, 0, 0))
    views = [View(NOTHING, (64, 64)), View(NOTHING, (64, 64), mirrored=True)]
    assert (masked(net, views[:1], found)[0, :, 1] > 0.99).all()
    assert masked(net, views, found)[0].flatten().tolist() == pytest.approx([0.5] * 4)


def test_a_doubtful_mask_makes_its_box_doubtful():
    masks = torch.tensor([[[0.6, 0.6], [0.6, 0.1]], [[1.0, 1.0], [0.0, 0.0]]])
    two = Found(BOXES[:2], torch.tensor([1, 2]), torch.tensor([0.9, 0.8]), masks)
    found = as_certain_as_masks(two)
    assert found.classes.tolist() == [2, 1]
    assert found.confidence.tolist() == pytest.approx([0.8, 0.54])
    nothing = as_certain_as_masks(two._replace(masks=torch.zeros(2, 2, 2)))
    assert nothing.confidence.tolist() == [0, 0]


@pytest.mark.parametrize("wrong", [{"min_confidence": 2.0}, {"max_iou": -1.0}, {"most": 0}])
def test_a_setting_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} = "):
        DetectionSettings(**wrong)
