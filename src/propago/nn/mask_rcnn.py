"""Mask R-CNN: an encoder with a feature pyramid, proposals, and what is in each of them.

Source: He et al., "Mask R-CNN", ICCV 2017. `MaskRcnnConfig()` is ours, for a CPU: separable
convolutions on EfficientNet-Lite0, one box and one mask for all classes; `PAPER` is torchvision's
`maskrcnn_resnet50_fpn`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from propago.io.categories import OUTPUTS
from propago.nn.efficientnet import EfficientNetLite0
from propago.nn.fpn import FeaturePyramid
from propago.nn.masked_encoder import Trunk
from propago.nn.resnet import ResNet
from propago.nn.roi_heads import BOX_BINS, MASK_BINS, BoxHead, MaskHead
from propago.nn.rpn import Anchored, RegionProposals
from propago.ops.roi_align import pyramid_roi_align

FPN_STRIDES = (4, 8, 16, 32)


@dataclass(frozen=True)
class MaskRcnnConfig:
    """What a network is made of.

    Attributes:
        trunk: "resnet50" is the paper's; "lite0" (EfficientNet-Lite0) is ours.
        width: channels of the pyramid.
        anchors_px: sizes of the anchors in pixels, by stride.
        hidden: of the box head.
        mask_width: channels of the mask head.
        mask_convolutions: of the mask head.
        outputs: classes, the background among them as 0; the others are `io.categories`.
        light: separable convolutions with norms in place of plain ones.
        by_class: a box and a mask for each class, as in the paper; else one for all.
        proposals: that are looked into when the network is run, at most, of each level and of all.
    """

    trunk: Trunk = "lite0"
    width: int = 96
    anchors_px: Mapping[int, tuple[float, ...]] = field(
        default_factory=lambda: {8: (16, 24), 16: (40, 64), 32: (96, 144), 64: (208, 304)}
    )
    hidden: int = 256
    mask_width: int = 64
    mask_convolutions: int = 3
    outputs: int = OUTPUTS
    light: bool = True
    by_class: bool = False
    proposals: int = 256


PAPER = MaskRcnnConfig(
    "resnet50",
    width=256,
    anchors_px={4: (32,), 8: (64,), 16: (128,), 32: (256,), 64: (512,)},
    hidden=1024,
    mask_width=256,
    mask_convolutions=4,
    outputs=91,
    light=False,
    by_class=True,
    proposals=1000,
)


class Seen(NamedTuple):
    """What the network sees in pictures before it looks into boxes.

    Attributes:
        levels: (B, C, h, w) by stride.
        said: of every anchor.
    """

    levels: Mapping[int, Tensor]
    said: Anchored


class RcnnLayers(Protocol):
    """What of Mask R-CNN has weights, whatever engine computes it."""

    @property
    def config(self) -> MaskRcnnConfig:
        """What the network is made of."""
        ...

    def seen(self, images: Tensor) -> Seen:
        """Of images (B, 3, H, W), RGB in [0, 1], sides divisible by 32."""
        ...

    def box_head(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """As `BoxHead`."""
        ...

    def mask_head(self, features: Tensor) -> Tensor:
        """As `MaskHead`."""
        ...


class MaskRcnn(nn.Module):
    """The parts; how they are run is `nn.detection`, how they learn `nn.rcnn_losses`."""

    def __init__(self, config: MaskRcnnConfig | None = None):
        super().__init__()
        self.config = c = config or MaskRcnnConfig()
        self.encoder = ResNet(50) if c.trunk == "resnet50" else EfficientNetLite0()
        self.title = self.encoder.title
        self.fpn = FeaturePyramid(self.encoder.channels, FPN_STRIDES, c.width, c.light)
        self.rpn = RegionProposals(c.width, c.anchors_px, c.light)
        self.box_head = BoxHead(c.width, c.hidden, c.outputs, c.by_class)
        masks = c.outputs if c.by_class else 1
        self.mask_head = MaskHead(c.width, c.mask_width, c.mask_convolutions, masks, c.light)

    def load_published(self, file: Path | None = None) -> None:
        """Begin from the encoder's published weights, see there."""
        self.encoder.load_published(file)

    @property
    def pretrained(self) -> ResNet | EfficientNetLite0:
        """The part whose weights are published."""
        return self.encoder

    def levels(self, images: Tensor) -> dict[int, Tensor]:
        """(B, C, h, w) by stride of images (B, 3, H, W), RGB in [0, 1], sides divisible by 32."""
        return self.fpn(self.encoder(images))

    def seen(self, images: Tensor) -> Seen:
        """What is seen in images (B, 3, H, W), RGB in [0, 1], sides divisible by 32."""
        levels = self.levels(images)
        return Seen(levels, self.rpn(levels))


def box_features(levels: Mapping[int, Tensor], boxes: Sequence[Tensor]) -> Tensor:
    """(R, C, 7, 7) of the boxes (R_b, 4) of each picture."""
    return pyramid_roi_align(_read(levels), boxes, BOX_BINS)


def mask_features(levels: Mapping[int, Tensor], boxes: Sequence[Tensor]) -> Tensor:
    """(R, C, 14, 14) of the boxes (R_b, 4) of each picture."""
    return pyramid_roi_align(_read(levels), boxes, MASK_BINS)


def of_class(said: Tensor, classes: Tensor) -> Tensor:
    """(R, ...) of what is said, (R, outputs, ...) or of all classes (R, 1, ...): that of (R,)."""
    if said.shape[1] == 1:
        return said[:, 0]
    return said[torch.arange(len(classes), device=classes.device), classes]


def _read(levels: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """The levels that boxes are read at: all but the coarsest."""
    return {stride: levels[stride] for stride in FPN_STRIDES}
