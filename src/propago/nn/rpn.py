"""The region proposal network: where in the picture anything is.

Source: Ren et al., "Faster R-CNN", NIPS 2015; layers and limits of torchvision's published models.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from propago.nn.blocks import separable
from propago.ops.anchors import cell_anchors, grid_anchors
from propago.ops.boxes import clipped, decoded, nms

LEAST_SIDE_PX = 1e-3
"""A proposal with a shorter side is none."""


class Anchored(NamedTuple):
    """What the network says of every anchor of every level, finest level first.

    Attributes:
        logits: (B, A) how likely the anchor is an object.
        offsets: (B, A, 4) from the anchor to the object's box.
        anchors: (A, 4).
        counts: anchors of each level.
    """

    logits: Tensor
    offsets: Tensor
    anchors: Tensor
    counts: tuple[int, ...]


class RegionProposals(nn.Module):
    """A head that all levels share."""

    def __init__(self, width: int, sizes: Mapping[int, Sequence[float]], light: bool):
        """A head without trained weights.

        Args:
            width: channels of the levels.
            sizes: of the anchors in pixels, by stride; as many at each.
            light: separable convolutions with norms, ours, in place of the paper's.
        """
        super().__init__()
        self.cells = {stride: cell_anchors(own) for stride, own in sizes.items()}
        per_position = len(next(iter(self.cells.values())))
        self.hidden = (
            separable(width, width)
            if light
            else nn.Sequential(nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(inplace=True))
        )
        self.logits = nn.Conv2d(width, per_position, 1)
        self.offsets = nn.Conv2d(width, 4 * per_position, 1)
        for layer in (self.logits, self.offsets):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, levels: Mapping[int, Tensor]) -> Anchored:
        """See `Anchored`; `levels` are (B, width, h, w) by stride."""
        logits, offsets = (torch.cat(own, 1) for own in zip(*self.said(levels), strict=True))
        return self.anchored(levels, logits, offsets)

    def anchored(self, levels: Mapping[int, Tensor], logits: Tensor, offsets: Tensor) -> Anchored:
        """What was said of all anchors, (B, A) and (B, A, 4), with the anchors of `levels`."""
        anchors = []
        for stride, cells in self.cells.items():
            level = levels[stride]
            grid = (level.shape[-2], level.shape[-1])
            anchors.append(grid_anchors(cells.to(level.device), grid, stride))
        counts = tuple(len(own) for own in anchors)
        return Anchored(logits, offsets, torch.cat(anchors), counts)

    def said(self, levels: Mapping[int, Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Of each level the logits (B, a) and offsets (B, a, 4) of its anchors."""
        said = []
        for stride in self.cells:
            hidden = self.hidden(levels[stride])
            logits = self.logits(hidden).permute(0, 2, 3, 1).flatten(1)
            offsets = self.offsets(hidden).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 4))
            said.append((logits, offsets))
        return said


@torch.no_grad()
def proposals(
    said: Anchored, size: tuple[int, int], before: int, after: int, max_iou: float = 0.7
) -> list[Tensor]:
    """(P, 4) boxes of each picture, the likeliest first.

    Args:
        said: by the network.
        size: (H, W) of the pictures, which boxes are clipped to.
        before: at most so many of each level go into the suppression of doubles.
        after: at most so many come out of it, over all levels.
        max_iou: of two boxes of one level that both stay.
    """
    starts = [sum(said.counts[:n]) for n in range(len(said.counts))]
    found = []
    for logits, offsets in zip(said.logits, said.offsets, strict=True):
        places = torch.cat(
            [
                start + logits[start : start + count].topk(min(before, count)).indices
                for start, count in zip(starts, said.counts, strict=True)
            ]
        )
        boxes = clipped(decoded(offsets[places], said.anchors[places]), size)
        there = (boxes[:, 2:] - boxes[:, :2] >= LEAST_SIDE_PX).all(1)
        places, boxes = places[there], boxes[there]
        level = torch.bucketize(places, torch.tensor(starts, device=places.device), right=True)
        found.append(boxes[nms(boxes, logits[places], max_iou, level)[:after]])
    return found
