"""From a picture to the instances that Mask R-CNN finds in it.

Source: He et al., "Mask R-CNN", ICCV 2017, section 3.1; the numbers of torchvision's published
models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import NamedTuple

import torch
from torch import Tensor

from propago.detections import Detections
from propago.nn.mask_rcnn import RcnnLayers, Seen, box_features, mask_features, of_class
from propago.nn.rcnn_losses import BOX_WEIGHTS
from propago.nn.rpn import LEAST_SIDE_PX, proposals
from propago.ops.boxes import clipped, decoded, nms
from propago.ops.mask_paste import pasted
from propago.ranges import Ranged, ranged

PART_STRIDE = 4
"""Pixels from point to point at which masks are compared."""


@dataclass(frozen=True)
class DetectionSettings(Ranged):
    """What counts as found.

    Attributes:
        min_confidence: a box below is none.
        max_iou: of two boxes of one class that both stay.
        most: at most so many of a picture.
        max_inside: of a mask that lies in a better one by a larger share than this nothing is left;
            1 leaves all, as the paper does.
        passes: so often the box head is asked, each time about the boxes that it said before, as by
            Gidaris and Komodakis 2016; once in the paper.
        mask_certainty: whether the confidence counts how certain the mask is, too, as in SOLO (Wang
            et al. 2020); not in the paper.
        second_view: the picture is looked at once more, mirrored, at so many times the size; what
            both views propose is judged in turns, masks are the mean of both; 0 is one view, as
            in the paper.
    """

    min_confidence: float = ranged(0.05, least=0, most=1)
    max_iou: float = ranged(0.5, least=0, most=1)
    most: int = ranged(100, least=1)
    max_inside: float = ranged(1.0, least=0, most=1)
    passes: int = ranged(1, least=1)
    mask_certainty: bool = False
    second_view: float = ranged(0.0, least=0)


class Found(NamedTuple):
    """The instances of one picture, the most confident first.

    Attributes:
        boxes: (N, 4).
        classes: (N,) int64.
        confidence: (N,) in [0, 1].
        masks: (N, 28, 28) in [0, 1], each in its box.
    """

    boxes: Tensor
    classes: Tensor
    confidence: Tensor
    masks: Tensor


class View(NamedTuple):
    """A picture as the network saw it.

    Attributes:
        seen: by the network.
        size: (h, w) it was brought to, without what it was padded with.
        mirrored: left to right.
    """

    seen: Seen
    size: tuple[int, int]
    mirrored: bool = False

    def boxes_of(self, other: "View", boxes: Tensor) -> Tensor:
        """Boxes (..., 4) of another view of the same picture, in this one."""
        (height, width), (own_height, own_width) = other.size, self.size
        scale = boxes.new_tensor([own_width / width, own_height / height]).repeat(2)
        boxes = boxes * scale
        if self.mirrored == other.mirrored:
            return boxes
        x0, y0, x1, y1 = boxes.unbind(-1)
        return torch.stack([own_width - x1, y0, own_width - x0, y1], -1)


def find(net: RcnnLayers, views: Sequence[View], settings: DetectionSettings) -> Found:
    """The instances of one picture, in pixels of its first view.

    Args:
        net: in evaluation mode.
        views: of the picture, seen by `net`; the first is not mirrored.
        settings: what counts as found.
    """
    first, count = views[0], net.config.proposals
    proposed = [
        first.boxes_of(view, proposals(view.seen.said, view.size, count, count)[0])
        for view in views
    ]
    boxes, probabilities = judged(net, views, torch.cat(proposed), settings.passes)
    found = chosen(boxes, probabilities, settings)
    found = found._replace(masks=masked(net, views, found))
    if settings.mask_certainty:
        found = as_certain_as_masks(found)
    return without_parts(found, first.size, settings.max_inside)


def judged(
    net: RcnnLayers, views: Sequence[View], boxes: Tensor, passes: int
) -> tuple[Tensor, Tensor]:
    """What the box head says of boxes (R, 4): better ones, and the classes' probabilities.

    Each pass looks at the next of the views, in turns; boxes are those of the first.

    Returns:
        (R, outputs, 4), or (R, 1, 4) where all classes have one, those of the last pass; and
        (R, outputs), the background first, the mean of the passes.
    """
    first, said = views[0], []
    for _, view in zip(range(passes), cycle(views), strict=False):
        here = view.boxes_of(first, boxes)
        logits, offsets = net.box_head(box_features(view.seen.levels, [here]))
        better = clipped(decoded(offsets, here[:, None], BOX_WEIGHTS), view.size)
        better = first.boxes_of(view, better)
        said.append(logits.softmax(1))
        boxes = of_class(better, said[-1][:, 1:].argmax(1) + 1)
    return better, torch.stack(said).mean(0)


def masked(net: RcnnLayers, views: Sequence[View], found: Found) -> Tensor:
    """(N, 28, 28) in [0, 1]: the masks in the boxes of what was found, the mean of all views."""
    masks = []
    for view in views:
        boxes = view.boxes_of(views[0], found.boxes)
        logits = net.mask_head(mask_features(view.seen.levels, [boxes]))
        own = of_class(logits, found.classes).sigmoid()
        masks.append(own.flip(-1) if view.mirrored else own)
    return torch.stack(masks).mean(0)


def as_certain_as_masks(found: Found) -> Found:
    """Confidence times the mean of each mask where it is above a half; sorted by it again."""
    inside = (found.masks > 0.5).flatten(1)
    sums = (found.masks.flatten(1) * inside).sum(1)
    confidence = found.confidence * sums / inside.sum(1).clamp_min(1)
    order = confidence.argsort(descending=True, stable=True)
    return Found(*(part[order] for part in found._replace(confidence=confidence)))


def without_parts(found: Found, size: tuple[int, int], max_inside: float) -> Found:
    """What is left without masks that lie in better ones: parts of what they are parts of.

    Masks of visible pixels, as the network learns them, do not cover each other. Ours.

    Args:
        found: the most confident first.
        size: (H, W) of the picture.
        max_inside: the share of a mask that may lie in a better one; 1 leaves all.
    """
    if max_inside >= 1 or not len(found.boxes):
        return found
    small = (-(-size[0] // PART_STRIDE), -(-size[1] // PART_STRIDE))
    masks = pasted(found.masks, found.boxes / PART_STRIDE, small).flatten(1).float()
    shares = (masks @ masks.T) / masks.sum(1).clamp_min(1)
    kept: list[int] = []
    for n in range(len(masks)):
        if not kept or float(shares[kept, n].max()) <= max_inside:
            kept.append(n)
    return Found(*(part[kept] for part in found))


def at_full_size(
    found: Found, size: tuple[int, int], full: tuple[int, int], embeddings: Tensor | None = None
) -> Detections:
    """The instances in a picture of the size `full` (H, W), found in one of `size` (H, W)."""
    scale = found.boxes.new_tensor([full[1] / size[1], full[0] / size[0]]).repeat(2)
    boxes = found.boxes * scale
    return Detections(
        boxes.double().numpy(force=True),
        found.classes.numpy(force=True),
        found.confidence.double().clamp(0, 1).numpy(force=True),
        pasted(found.masks, boxes, full).numpy(force=True),
        None if embeddings is None else embeddings.numpy(force=True),
    )


def chosen(boxes: Tensor, probabilities: Tensor, settings: DetectionSettings) -> Found:
    """The boxes that are confident and overlap no better one of their class; masks are empty.

    Args:
        boxes: (R, outputs, 4), or (R, 1, 4) where all classes have one.
        probabilities: (R, outputs), the background first.
        settings: what counts as found.
    """
    rows, classes = (probabilities[:, 1:] >= settings.min_confidence).nonzero(as_tuple=True)
    classes = classes + 1
    confidence = probabilities[rows, classes]
    own = boxes[rows, classes if boxes.shape[1] > 1 else torch.zeros_like(classes)]
    there = (own[:, 2:] - own[:, :2] >= LEAST_SIDE_PX).all(1)
    own, classes, confidence = own[there], classes[there], confidence[there]
    kept = nms(own, confidence, settings.max_iou, classes)[: settings.most]
    return Found(own[kept], classes[kept], confidence[kept], own.new_zeros(len(kept), 0, 0))
