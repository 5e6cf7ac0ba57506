"""MaskTrack R-CNN: Mask R-CNN and a branch that tells instances apart.

Source: Yang, Fan, Xu, "Video Instance Segmentation", ICCV 2019, section 4.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from propago.nn.mask_rcnn import PAPER, MaskRcnn, MaskRcnnConfig, box_features
from propago.nn.presets import Preset
from propago.nn.roi_heads import BOX_BINS

YOUTUBE_VIS_OUTPUTS = 41
"""The forty classes of YouTube-VIS and the background."""


@dataclass(frozen=True)
class MaskTrackConfig:
    """What a network is made of.

    Attributes:
        detector: Mask R-CNN.
        embedding: numbers that tell an instance from another; the paper has 1024.
    """

    detector: MaskRcnnConfig = field(default_factory=MaskRcnnConfig)
    embedding: int = 128


PRESETS = {
    "compact": Preset(
        "masktrack_rcnn/compact",
        MaskTrackConfig(),
        size=320,
        weights={"default": "masktrack-rcnn-compact"},
    ),
    "paper": Preset(
        "masktrack_rcnn/paper",
        MaskTrackConfig(
            MaskRcnnConfig(**{**vars(PAPER), "outputs": YOUTUBE_VIS_OUTPUTS}), embedding=1024
        ),
        size=360,
    ),
}
"""Pictures are brought to this short side; the paper's are 640x360."""


class MaskTrackRcnn(nn.Module):
    """The parts of the network."""

    def __init__(self, config: MaskTrackConfig | None = None):
        super().__init__()
        self.config = c = config or MaskTrackConfig()
        self.detector = MaskRcnn(c.detector)
        inputs = c.detector.width * BOX_BINS**2
        self.first = nn.Linear(inputs, c.embedding)
        self.second = nn.Linear(c.embedding, c.embedding)
        for layer in (self.first, self.second):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def embeddings(self, levels: Mapping[int, Tensor], boxes: Sequence[Tensor]) -> Tensor:
        """(R, D) of the boxes (R_b, 4) of each picture, whose features are `levels`."""
        return self.embed(box_features(levels, boxes))

    def embed(self, features: Tensor) -> Tensor:
        """(R, D) of the features (R, width, 7, 7) of boxes."""
        return self.second(self.first(features.flatten(1)).relu())


def identity_logits(embeddings: Tensor, references: Tensor) -> Tensor:
    """(N, 1 + M): how likely each of N instances is a new one, or one of M known ones.

    Their softmax is equation 2 of the paper: the inner product with each known instance beside 0
    for a new one.

    Args:
        embeddings: (N, D).
        references: (M, D).
    """
    return torch.cat([embeddings.new_zeros(len(embeddings), 1), embeddings @ references.T], 1)
