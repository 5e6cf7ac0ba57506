"""The training of Mask R-CNN: pieces of pictures with the classes of their instances."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from propago.data.instances import InstanceExample, InstancePieces
from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import (
    ImageSettings,
    TrainingTask,
    parameter_groups,
    require_range,
    stacked,
)
from propago.methods.mask_rcnn.net import PRESETS
from propago.methods.mask_rcnn.objective import MaskRcnnObjective
from propago.methods.mask_rcnn.run import MaskRcnnDetector
from propago.nn.detection import DetectionSettings
from propago.nn.inference import channels_last
from propago.nn.mask_rcnn import MaskRcnn
from propago.nn.presets import preset_called
from propago.nn.rcnn_losses import Sampling
from propago.nn.rcnn_targets import Instances


@dataclass(frozen=True)
class MaskRcnnTraining(ImageSettings):
    """What examples look like, and what of them is learnt.

    Attributes:
        height: of an example in pixels; 32 divides it.
        width: of an example in pixels; 32 divides it.
        frozen_stride: what the encoder computes down to this stride is not trained.
        anchors: of the proposal network.
        boxes: of the heads.
        proposals: at most, of each level and over all.
    """

    height: int = 288
    width: int = 352
    frozen_stride: int = 0
    anchors: int = 256
    boxes: int = 64
    proposals: int = 256

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        super().__post_init__()
        require_range(self, "frozen_stride", least=0, most=32)
        require_range(self, "anchors", "boxes", "proposals", least=8)


def task(settings: MaskRcnnTraining, sources: Sources) -> TrainingTask:
    """An untrained network that learns from pictures.

    Raises:
        UsageError: no such preset, or a source without classes.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(MaskRcnn(preset.config))
    some = settings.proposals
    sampling = Sampling(settings.anchors, settings.boxes, some, some)
    pieces = [(w, InstancePieces(source.instances(), settings.size)) for w, source in sources]
    outputs = preset.config.outputs

    def collate(examples: Sequence[InstanceExample]) -> Instances:
        return collated(examples, outputs)

    return TrainingTask(
        network=preset.network,
        net=net,
        objective=MaskRcnnObjective(net, sampling),
        dataset=Mixture(pieces),
        collate=collate,
        groups=groups_of(net, settings),
        encoder=net.pretrained,
        kind="detector",
        part=detector,
    )


def groups_of(net: MaskRcnn, settings: MaskRcnnTraining) -> list[dict[str, Any]]:
    """The parameters of the heads, of the encoder, and of the part of it that is frozen."""
    frozen = set(net.pretrained.early(settings.frozen_stride))
    groups = parameter_groups(net, net.pretrained, settings.encoder_lr_scale)
    groups[1]["params"] = [p for p in groups[1]["params"] if p not in frozen]
    return [*groups, {"params": [*frozen], "lr_scale": 0.0}]


def collated(examples: Sequence[InstanceExample], outputs: int) -> Instances:
    """Examples of equal size as a batch for a network of so many classes, background included."""
    labelled = torch.ones(len(examples), outputs, dtype=torch.bool)
    for row, example in zip(labelled, examples, strict=True):
        if example.labelled is not None:
            row[1:] = False
            row[sorted(example.labelled)] = True
    return Instances(
        stacked([np.ascontiguousarray(e.image.transpose(2, 0, 1)) for e in examples]),
        stacked([e.ids for e in examples]),
        [torch.from_numpy(e.boxes_xyxy) for e in examples],
        [torch.from_numpy(e.classes) for e in examples],
        labelled,
    )


def detector(net: MaskRcnn) -> MaskRcnnDetector:
    """The detector with a network in training; what is little certain is reported, too."""
    device = next(net.parameters()).device
    return MaskRcnnDetector(net, settings=DetectionSettings(0.05), device=device)
