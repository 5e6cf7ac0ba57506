"""The training of Mask R-CNN: pieces of pictures with the classes of their instances."""

from functools import partial

from propago.data.instances import InstancePieces
from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import InstanceSettings, TrainingTask, parameter_groups
from propago.methods.mask_rcnn.net import PRESETS
from propago.methods.mask_rcnn.objective import MaskRcnnObjective
from propago.methods.mask_rcnn.run import MaskRcnnDetector
from propago.nn.detection import DetectionSettings
from propago.nn.inference import channels_last
from propago.nn.mask_rcnn import MaskRcnn
from propago.nn.presets import preset_called
from propago.nn.rcnn_losses import Sampling
from propago.nn.rcnn_targets import batched


def task(settings: InstanceSettings, sources: Sources) -> TrainingTask:
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
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=MaskRcnnObjective(net, sampling),
        dataset=Mixture(pieces),
        collate=partial(batched, outputs=preset.config.outputs),
        groups=parameter_groups(
            net,
            net.pretrained,
            settings.encoder_lr_scale,
            net.pretrained.early(settings.frozen_stride),
        ),
        encoder=net.pretrained,
        kind="detector",
        part=detector,
    )


def detector(net: MaskRcnn) -> MaskRcnnDetector:
    """The detector with a network in training; what is little certain is reported, too."""
    device = next(net.parameters()).device
    return MaskRcnnDetector(net, settings=DetectionSettings(0.05), device=device)
