"""What Mask R-CNN learns from: the losses of proposals, classes, boxes and masks.

Sources: Ren et al., "Faster R-CNN", NIPS 2015, equation 1; He et al., "Mask R-CNN", ICCV 2017,
section 3; the numbers of torchvision's published models. Pictures in which only some classes are
labelled: their unlabelled boxes only learn that none of these classes is there (ours).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from propago.nn.inference import laid_out
from propago.nn.mask_rcnn import MaskRcnn, box_features, mask_features, of_class
from propago.nn.rcnn_targets import (
    Instances,
    OnePicture,
    assigned,
    negatives_known,
    pictures_of,
    sampled,
)
from propago.nn.roi_heads import MASK_BINS
from propago.nn.rpn import Anchored, proposals
from propago.ops.boxes import encoded, pairwise_ious
from propago.ops.roi_align import cropped_masks

BETA = 1 / 9
"""Where smooth L1 turns from square to linear."""

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
"""Factors of the second stage's offsets."""


@dataclass(frozen=True)
class Sampling:
    """How many examples a picture gives. The defaults are torchvision's.

    Attributes:
        anchors: of the proposal network, half of them positive at most.
        boxes: of the heads, a quarter of them positive at most.
        before: proposals of each level before the suppression of doubles.
        after: proposals after it.
    """

    anchors: int = 256
    boxes: int = 512
    before: int = 2000
    after: int = 2000


class Examples(NamedTuple):
    """The boxes of one picture that the heads learn from, positives first.

    Attributes:
        boxes: (R, 4).
        instances: (P,) the instance of each positive.
    """

    boxes: Tensor
    instances: Tensor


class RcnnLosses(NamedTuple):
    """What `mask_rcnn_losses` gives.

    Attributes:
        losses: by name.
        levels: the features they come from.
        examples: of each picture.
    """

    losses: Mapping[str, Tensor]
    levels: dict[int, Tensor]
    examples: list[Examples]


def mask_rcnn_losses(
    net: MaskRcnn, batch: Instances, sampling: Sampling, generator: torch.Generator
) -> RcnnLosses:
    """The five losses of a batch, weighted alike in the paper.

    Args:
        net: in training.
        batch: what is in the pictures.
        sampling: how many examples.
        generator: draws them.
    """
    images = laid_out(batch.images)
    pictures = pictures_of(batch)
    levels = net.levels(images)
    said = net.rpn(levels)
    objectness, anchor_box = proposal_losses(said, pictures, sampling.anchors, generator)
    size = (images.shape[-2], images.shape[-1])
    boxes = proposals(said, size, sampling.before, sampling.after)
    examples = [
        examples_of(own, picture, sampling.boxes, generator)
        for own, picture in zip(boxes, pictures, strict=True)
    ]
    classes, box = box_losses(net, levels, examples, pictures)
    losses = {
        "objectness": objectness,
        "anchor_box": anchor_box,
        "class": classes,
        "box": box,
        "mask": mask_loss(net, levels, examples, pictures),
    }
    return RcnnLosses(losses, levels, examples)


def proposal_losses(
    said: Anchored, pictures: Sequence[OnePicture], count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Of logits and of offsets: means over the anchors that are drawn, `count` of a picture.

    An anchor is an object from IoU .7 on, or where none overlaps the object more; nothing below .3.
    """
    logits, truth, apart = [], [], [said.offsets.sum() * 0]
    for own, offsets, picture in zip(said.logits, said.offsets, pictures, strict=True):
        ious = pairwise_ious(picture.boxes, said.anchors)
        found = assigned(ious, 0.7, 0.3, best_too=True)
        found = negatives_known(found, ious, said.anchors, picture)
        positives, negatives = sampled(found, count, 0.5, generator)
        logits.append(own[torch.cat([positives, negatives])])
        truth.append(torch.cat([own.new_ones(len(positives)), own.new_zeros(len(negatives))]))
        wanted = encoded(picture.boxes[found[positives]], said.anchors[positives])
        apart.append(_smooth_l1(offsets[positives], wanted))
    drawn = max(sum(map(len, truth)), 1)
    entropy = F.binary_cross_entropy_with_logits(
        torch.cat(logits), torch.cat(truth), reduction="sum"
    )
    return entropy / drawn, torch.stack(apart).sum() / drawn


@torch.no_grad()
def examples_of(
    boxes: Tensor, picture: OnePicture, count: int, generator: torch.Generator
) -> Examples:
    """Some of the proposals (P, 4) and of the true boxes: from IoU .5 on one is of an instance."""
    boxes = torch.cat([boxes, picture.boxes])
    ious = pairwise_ious(picture.boxes, boxes)
    found = assigned(ious, 0.5, 0.5)
    unsure = negatives_known(found, ious, boxes, picture._replace(labelled=picture.labelled | True))
    positives, negatives = sampled(unsure, count, 0.25, generator)
    return Examples(boxes[torch.cat([positives, negatives])], found[positives])


def box_losses(
    net: MaskRcnn,
    levels: Mapping[int, Tensor],
    examples: Sequence[Examples],
    pictures: Sequence[OnePicture],
) -> tuple[Tensor, Tensor]:
    """Of classes and of boxes, means over all examples."""
    logits, offsets = net.box_head(box_features(levels, [e.boxes for e in examples]))
    losses, apart, start = [], [offsets.sum() * 0], 0
    for example, picture in zip(examples, pictures, strict=True):
        n = len(example.instances)
        rows = slice(start, start + len(example.boxes))
        start = rows.stop
        classes = picture.classes[example.instances]
        losses.append(class_losses(logits[rows], classes, picture.labelled))
        wanted = encoded(picture.boxes[example.instances], example.boxes[:n], BOX_WEIGHTS)
        apart.append(_smooth_l1(of_class(offsets[rows][:n], classes), wanted))
    return torch.cat(losses).mean(), torch.stack(apart).sum() / max(start, 1)


def class_losses(logits: Tensor, classes: Tensor, labelled: Tensor) -> Tensor:
    """(R,) -log of how likely what is known of each box is.

    Of the first P boxes the class is known; of the others, that they are of none of the classes
    that are labelled: where all are, that they are background.

    Args:
        logits: (R, outputs).
        classes: (P,).
        labelled: (outputs,) bool.
    """
    log_p = logits.log_softmax(1)
    none = log_p.masked_fill(labelled & (torch.arange(len(labelled)) > 0).to(labelled.device), -1e4)
    known = -log_p[: len(classes)].gather(1, classes[:, None])[:, 0]
    return torch.cat([known, -none[len(classes) :].logsumexp(1)])


def mask_loss(
    net: MaskRcnn,
    levels: Mapping[int, Tensor],
    examples: Sequence[Examples],
    pictures: Sequence[OnePicture],
) -> Tensor:
    """Mean cross-entropy over the cells of the masks of positives, of their class alone."""
    boxes = [example.boxes[: len(example.instances)] for example in examples]
    classes, wanted = [], []
    for example, own, picture in zip(examples, boxes, pictures, strict=True):
        masks = (picture.ids == example.instances[:, None, None] + 1).float()
        wanted.append(cropped_masks(masks, own, 2 * MASK_BINS))
        classes.append(picture.classes[example.instances])
    if not sum(map(len, boxes)):
        return sum(
            (parameter.sum() * 0 for parameter in net.mask_head.parameters()), torch.zeros(())
        )
    logits = of_class(net.mask_head(mask_features(levels, boxes)), torch.cat(classes))
    return F.binary_cross_entropy_with_logits(logits, torch.cat(wanted))


def _smooth_l1(found: Tensor, wanted: Tensor) -> Tensor:
    return F.smooth_l1_loss(found, wanted, reduction="sum", beta=BETA)
