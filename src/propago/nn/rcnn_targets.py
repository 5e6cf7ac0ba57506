"""Which anchors and which proposals are examples of what.

Source: Ren et al., "Faster R-CNN", NIPS 2015, section 3.1.3; the rules of torchvision's published
models. Pictures in which only some classes are labelled, and regions of which nobody knows, are
ours: see `Instances`.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

NEGATIVE, UNUSED = -1, -2
"""In an assignment, in place of an instance: nothing is there; nobody knows."""

UNKNOWN = -1
"""In a map of ids: nobody knows."""

MOST_UNKNOWN = 0.5
"""A box of which more is unknown is no example of nothing."""


class Instances(NamedTuple):
    """What is in pictures of equal size.

    Attributes:
        images: (B, 3, H, W) uint8 RGB.
        ids: (B, H, W) int16: 0 background, n of instance n - 1, -1 where nobody knows.
        boxes: (N_b, 4) of each picture.
        classes: (N_b,) int64 of each picture, above 0.
        labelled: (B, outputs) bool: the classes of which every instance in the picture is labelled.
            What is not labelled is no example that none of the others is there.
    """

    images: Tensor
    ids: Tensor
    boxes: Sequence[Tensor]
    classes: Sequence[Tensor]
    labelled: Tensor


class LabelledPicture(Protocol):
    """A picture and what is in it, as arrays.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        ids: (H, W) int16, as of `Instances`.
        boxes_xyxy: (N, 4) float32.
        classes: (N,) int64.
        labelled: the classes of which every instance is labelled; None: all.
    """

    @property
    def image(self) -> np.ndarray: ...  # noqa: D102
    @property
    def ids(self) -> np.ndarray: ...  # noqa: D102
    @property
    def boxes_xyxy(self) -> np.ndarray: ...  # noqa: D102
    @property
    def classes(self) -> np.ndarray: ...  # noqa: D102
    @property
    def labelled(self) -> Collection[int] | None: ...  # noqa: D102


def batched(pictures: Sequence[LabelledPicture], outputs: int) -> Instances:
    """Pictures of equal size for a network of so many classes, the background included."""
    labelled = torch.ones(len(pictures), outputs, dtype=torch.bool)
    for row, picture in zip(labelled, pictures, strict=True):
        if picture.labelled is not None:
            row[1:] = False
            row[sorted(picture.labelled)] = True
    return Instances(
        torch.from_numpy(np.stack([p.image.transpose(2, 0, 1) for p in pictures])),
        torch.from_numpy(np.stack([p.ids for p in pictures])),
        [torch.from_numpy(p.boxes_xyxy) for p in pictures],
        [torch.from_numpy(p.classes) for p in pictures],
        labelled,
    )


def assigned(ious: Tensor, positive: float, negative: float, best_too: bool = False) -> Tensor:
    """(A,) the instance that each box is an example of, or `NEGATIVE`, or `UNUSED` in between.

    Args:
        ious: (N, A) of instances and boxes.
        positive: from this IoU on a box is one of the instance that it overlaps most.
        negative: below it a box is one of nothing.
        best_too: the boxes that overlap an instance most are examples, too, however little.
    """
    if not len(ious):
        return torch.full(ious.shape[1:], NEGATIVE, device=ious.device)
    most, instance = ious.max(0)
    found = torch.where(most >= positive, instance, UNUSED)
    found = torch.where(most < negative, NEGATIVE, found)
    if best_too:
        highest = ious.max(1, keepdim=True).values
        best = ((ious == highest) & (highest > 0)).any(0)
        found = torch.where(best, instance, found)
    return found


def negatives_known(found: Tensor, ious: Tensor, boxes: Tensor, picture: "OnePicture") -> Tensor:
    """`found` without the negatives of which nobody knows whether they are.

    These lie on unknown pixels for the most part, or, where not all classes are labelled, beside
    all that is.
    """
    unsure = covered_share(picture.ids == UNKNOWN, boxes) > MOST_UNKNOWN
    if not picture.all_labelled and len(ious):
        unsure |= ious.max(0).values <= 0
    return torch.where(unsure & (found == NEGATIVE), UNUSED, found)


class OnePicture(NamedTuple):
    """One of `Instances`; `all_labelled`: no class is left out."""

    ids: Tensor
    boxes: Tensor
    classes: Tensor
    labelled: Tensor

    @property
    def all_labelled(self) -> bool:
        """Whether every instance of every class is labelled."""
        return bool(self.labelled[1:].all())


def pictures_of(batch: Instances) -> list[OnePicture]:
    """The pictures of a batch, one by one."""
    rows = zip(batch.ids, batch.boxes, batch.classes, batch.labelled, strict=True)
    return [OnePicture(*row) for row in rows]


def sampled(
    found: Tensor, count: int, positive_share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Places of positives and of negatives, at most `count` together, drawn at random.

    Args:
        found: (A,) as `assigned` gives it.
        count: of examples; there are fewer where there are too few negatives.
        positive_share: at most this share of `count` are positives.
        generator: source of chance.
    """
    positives, negatives = (found >= 0).nonzero()[:, 0], (found == NEGATIVE).nonzero()[:, 0]
    some = _drawn(positives, int(count * positive_share), generator)
    return some, _drawn(negatives, count - len(some), generator)


def covered_share(mask: Tensor, boxes: Tensor) -> Tensor:
    """(A,) the share of each box (A, 4), clipped to the picture, that `mask` (H, W) covers."""
    if not mask.any():
        return boxes.new_zeros(len(boxes))
    height, width = mask.shape
    sums = torch.zeros(height + 1, width + 1, device=mask.device)
    sums[1:, 1:] = mask.float().cumsum(0).cumsum(1)
    x0, x1 = (boxes[:, n].round().long().clamp(0, width) for n in (0, 2))
    y0, y1 = (boxes[:, n].round().long().clamp(0, height) for n in (1, 3))
    inside = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    return inside / ((x1 - x0) * (y1 - y0)).clamp_min(1)


def _drawn(places: Tensor, count: int, generator: torch.Generator) -> Tensor:
    order = torch.randperm(len(places), generator=generator)[:count]
    return places[order.to(places.device)]
