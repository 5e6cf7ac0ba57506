"""MaskTrack R-CNN as ONNX parts: those of Mask R-CNN, and the branch that tells instances apart."""

import torch
from torch import Tensor, nn

from propago.methods.masktrack_rcnn.net import MaskTrackRcnn
from propago.nn.onnx_parts import OnnxPart
from propago.nn.rcnn_onnx import ROWS, rcnn_parts
from propago.nn.roi_heads import BOX_BINS


def parts(net: MaskTrackRcnn) -> list[OnnxPart]:
    """See `rcnn_parts`; `embeddings` takes N regions."""
    width = net.config.detector.width
    branch = OnnxPart(
        "embeddings",
        Embeddings(net),
        {"features": torch.rand(3, width, BOX_BINS, BOX_BINS)},
        ("embeddings",),
        {"features": ROWS},
    )
    return [*rcnn_parts(net.detector), branch]


class Embeddings(nn.Module):
    """The branch alone."""

    def __init__(self, net: MaskTrackRcnn):
        super().__init__()
        self.net = net

    def forward(self, features: Tensor) -> Tensor:
        """(N, D) of features (N, width, 7, 7)."""
        return self.net.embed(features)
