"""FEELVOS as ONNX parts: what is computed of a frame, of masks, and of an object's cues.

Matching stands between them; it has no weights but one, and is `propago.ops.matching`.
"""

import torch
from torch import Tensor, nn

from propago.methods.feelvos.net import FeelvosNet
from propago.nn.onnx_parts import OnnxPart

CELLS = (8, 12)
"""Positions at the matching stride of the examples."""
PADDED = 32
"""Of sides that are even at every stride; the encoder pads odd ones otherwise."""


def parts(net: FeelvosNet) -> list[OnnxPart]:
    """`frame` takes pictures whose sides are multiples of 32, `masks` and `head` N objects."""
    stride = net.config.match_stride
    high, wide = CELLS
    size = high * stride, wide * stride
    image, masks = torch.rand(1, 3, *size), torch.rand(2, 1, *size)
    frame = Frame(net)
    _, context, *features = (x.detach() for x in frame(image))
    encoded = net.encode(context, masks, masks)
    cues = torch.rand(2, net.config.cue_channels + encoded.shape[1] + 1, high, wide)
    cells = {2: "h", 3: "w"}
    pixels = {2: (stride, "h"), 3: (stride, "w")}
    rows = {0: "objects"}
    levels = dict(zip(("features8", "features4", "features2"), features, strict=True))
    scales = dict(zip(levels, (1, 2, 4), strict=True))
    finer = {name: {2: (n, "h"), 3: (n, "w")} for name, n in scales.items()}
    return [
        OnnxPart(
            "frame",
            frame,
            {"images": image},
            ("embedding", "context", *levels),
            {"images": {2: (PADDED, "h32"), 3: (PADDED, "w32")}},
        ),
        OnnxPart(
            "masks",
            MaskValues(net),
            {"context": context, "masks": masks, "others": masks},
            ("values",),
            {"context": cells, "masks": rows | pixels, "others": rows | pixels},
        ),
        OnnxPart(
            "head",
            Head(net),
            {**levels, "cues": cues, "detail": torch.rand(2, 3, *size)},
            ("logits",),
            finer | {"cues": rows | cells, "detail": rows | pixels},
        ),
    ]


class Frame(nn.Module):
    """Embedding, context and the head's features of (1, 3, H, W) images."""

    def __init__(self, net: FeelvosNet):
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """See the class; the features are at strides 8, 4 and 2."""
        seen = self.net.encode_image(images)
        prepared = self.net.prepare(seen)
        return seen.embedding, prepared.context, *prepared.features


class MaskValues(nn.Module):
    """`FeelvosNet.encode`."""

    def __init__(self, net: FeelvosNet):
        super().__init__()
        self.net = net

    def forward(self, context: Tensor, masks: Tensor, others: Tensor) -> Tensor:
        """(N, V, h, w)."""
        return self.net.encode(context, masks, others)


class Head(nn.Module):
    """The head over N objects of one frame."""

    def __init__(self, net: FeelvosNet):
        super().__init__()
        self.head = net.head

    def forward(
        self,
        features8: Tensor,
        features4: Tensor,
        features2: Tensor,
        cues: Tensor,
        detail: Tensor,
    ) -> Tensor:
        """(N, H, W) logits; see `DynamicHead`."""
        owner = torch.zeros(cues.shape[0], dtype=torch.int64)
        return self.head((features8, features4, features2), owner, cues, detail)
