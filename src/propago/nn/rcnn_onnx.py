"""Mask R-CNN as ONNX parts; proposals, suppression and RoIAlign stand between them, in `ops`."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from propago.nn.inference import laid_out
from propago.nn.mask_rcnn import FPN_STRIDES, MaskRcnn, Seen
from propago.nn.onnx_engine import OnnxLayers
from propago.nn.onnx_parts import OnnxPart
from propago.nn.roi_heads import BOX_BINS, MASK_BINS

PADDED = 32
ROWS = {0: "regions"}


def rcnn_parts(net: MaskRcnn) -> list[OnnxPart]:
    """`picture` takes pictures whose sides are multiples of 32; the heads take N regions."""
    width = net.config.width
    levels = tuple(f"level{stride}" for stride in FPN_STRIDES)
    return [
        OnnxPart(
            "picture",
            Picture(net),
            {"images": torch.rand(1, 3, 128, 192)},
            (*levels, "objectness", "offsets"),
            {"images": {2: (PADDED, "h32"), 3: (PADDED, "w32")}, "offsets": {1: "anchors"}},
        ),
        OnnxPart(
            "boxes",
            net.box_head,
            {"features": torch.rand(3, width, BOX_BINS, BOX_BINS)},
            ("logits", "offsets"),
            {"features": ROWS, "offsets": ROWS},
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


class OnnxRcnn:
    """What of Mask R-CNN has weights, in ONNX Runtime; takes its place in `nn.detection.find`."""

    def __init__(self, net: MaskRcnn, layers: Mapping[str, OnnxLayers]):
        """Run the `layers` that `rcnn_parts(net)` became."""
        self.config = net.config
        self._rpn = net.rpn
        self._layers = layers

    def seen(self, images: Tensor) -> Seen:
        """See `MaskRcnn.seen`."""
        *said, logits, offsets = self._layers["picture"](images)
        read = [laid_out(level) for level in said]
        levels: dict[int, Tensor] = dict(zip(FPN_STRIDES, read, strict=True))
        levels[2 * FPN_STRIDES[-1]] = read[-1][..., ::2, ::2]  # as the pyramid makes its coarsest
        return Seen(levels, self._rpn.anchored(levels, logits, offsets))

    def box_head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """See `BoxHead`."""
        logits, offsets = self._layers["boxes"](features)
        return logits, offsets

    def mask_head(self, features: Tensor) -> Tensor:
        """See `MaskHead`."""
        return self._layers["masks"](features)[0]
