"""The sizes that Mask R-CNN comes in; the network is `propago.nn.mask_rcnn`."""

from propago.nn.mask_rcnn import PAPER, MaskRcnnConfig
from propago.nn.presets import Preset

PRESETS = {
    "compact": Preset(
        "mask_rcnn/compact",
        MaskRcnnConfig(),
        size=320,
        weights={"default": "mask-rcnn-compact"},
    ),
    "paper": Preset("mask_rcnn/paper", PAPER, size=800),
}
"""Pictures are brought to this short side, smaller ones too."""
