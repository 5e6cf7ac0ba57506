"""The training of MaskTrack R-CNN: pairs of pictures of the same instances."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch

from propago.data.instance_pairs import InstancePair, InstancePairs
from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import InstanceSettings, TrainingTask, parameter_groups, stacked
from propago.methods.masktrack_rcnn.net import PRESETS, MaskTrackRcnn
from propago.methods.masktrack_rcnn.objective import MaskTrackObjective, TrackPairs
from propago.methods.masktrack_rcnn.run import MaskTrackDetector
from propago.nn.detection import DetectionSettings
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.nn.rcnn_losses import Sampling
from propago.nn.rcnn_targets import batched
from propago.ranges import ranged


@dataclass(frozen=True)
class MaskTrackTraining(InstanceSettings):
    """What examples look like, and what of them is learnt.

    Attributes:
        encoder_lr_scale: share of the learning rate that the detector gets; with 0 the branch that
            tells instances apart learns alone.
        apart_frames: two frames of a sequence are at most so far apart.
    """

    apart_frames: int = ranged(10, least=1)


def task(settings: MaskTrackTraining, sources: Sources) -> TrainingTask:
    """A network that learns from pairs; its detector may begin from that of Mask R-CNN's weights.

    Raises:
        UsageError: no such preset, or a source without classes.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(MaskTrackRcnn(preset.config))
    some, share = settings.proposals, settings.encoder_lr_scale
    pairs = [
        (weight, InstancePairs(source.instances(), settings.size, settings.apart_frames))
        for weight, source in sources
    ]
    early = net.detector.pretrained.early(settings.frozen_stride)
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=MaskTrackObjective(net, Sampling(settings.anchors, settings.boxes, some, some)),
        dataset=Mixture(pairs),
        collate=partial(collated, outputs=preset.config.detector.outputs),
        groups=parameter_groups(net, net.detector, share, early),
        encoder=net.detector,
        kind="detector",
        part=detector,
    )


def collated(pairs: Sequence[InstancePair], outputs: int) -> TrackPairs:
    """Pairs of equal size as a batch for a network of so many classes, background included."""
    return TrackPairs(
        batched([pair.key for pair in pairs], outputs),
        stacked([pair.reference.image.transpose(2, 0, 1) for pair in pairs]),
        [torch.from_numpy(pair.reference.boxes_xyxy) for pair in pairs],
        [torch.from_numpy(pair.same) for pair in pairs],
    )


def detector(net: MaskTrackRcnn) -> MaskTrackDetector:
    """The detector with a network in training; what is little certain is reported, too."""
    device = next(net.parameters()).device
    return MaskTrackDetector(net, settings=DetectionSettings(0.05), device=device)
