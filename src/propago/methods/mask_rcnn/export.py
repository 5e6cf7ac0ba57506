"""Mask R-CNN as ONNX parts; proposals, suppression and RoIAlign stand between them, in `ops`."""

import torch
from torch import Tensor, nn

from propago.nn.mask_rcnn import FPN_STRIDES, MaskRcnn
from propago.nn.onnx_parts import OnnxPart
from propago.nn.roi_heads import BOX_BINS, MASK_BINS

PADDED = 32
ROWS = {0: "regions"}


def parts(net: MaskRcnn) -> list[OnnxPart]:
    """`picture` takes pictures whose sides are multiples of 32; the heads take N regions."""
    width = net.config.width
    levels = tuple(f"level{stride}" for stride in FPN_STRIDES)
    return [
        OnnxPart(
            "picture",
            Picture(net),
            {"images": torch.rand(1, 3, 128, 192)},
            (*levels, "objectness", "offsets"),
            {"images": {2: (PADDED, "h32"), 3: (PADDED, "w32")}},
        ),
        OnnxPart(
            "boxes",
            net.box_head,
            {"features": torch.rand(3, width, BOX_BINS, BOX_BINS)},
            ("logits", "offsets"),
            {"features": ROWS},
        ),
        OnnxPart(
            "masks",
            net.mask_head,
            {"features": torch.rand(3, width, MASK_BINS, MASK_BINS)},
            ("logits",),
            {"features": ROWS},
        ),
    ]


class Picture(nn.Module):
    """The levels of the pyramid, and of every anchor the logit and the offsets."""

    def __init__(self, net: MaskRcnn):
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Levels at strides 4, 8, 16 and 32; (1, A) and (1, A, 4), finest anchors first."""
        levels = self.net.levels(images)
        said = self.net.rpn.said(levels)
        read = [levels[stride] for stride in FPN_STRIDES]
        return *read, *(torch.cat(own, 1) for own in zip(*said, strict=True))
