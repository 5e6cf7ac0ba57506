"""The training of Bridging: pieces of pictures with the classes of their instances."""

from dataclasses import dataclass
from functools import partial

from propago.data.instances import InstancePieces
from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import DetectorSettings, TrainingTask, parameter_groups
from propago.methods.bridging.net import PRESETS, BridgingNet, FcrnPair, bridging_net
from propago.methods.bridging.objective import HARDEST, BridgingObjective
from propago.methods.bridging.run import BridgingDetector
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.nn.rcnn_targets import batched
from propago.ranges import ranged

LITTLE = 0.05
"""What validation counts as found."""


@dataclass(frozen=True)
class BridgingTraining(DetectorSettings):
    """What examples look like, and what of them is learnt.

    Attributes:
        hardest: K, at least so many positions of a batch are learnt from; 0: all are.
    """

    hardest: int = ranged(HARDEST, least=0)


def task(settings: BridgingTraining, sources: Sources) -> TrainingTask:
    """An untrained network that learns from pictures.

    Raises:
        UsageError: no such preset, or a source without classes.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(bridging_net(preset.config))
    pieces = [(w, InstancePieces(source.instances(), settings.size)) for w, source in sources]
    early = net.early(settings.frozen_stride)
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=BridgingObjective(net, settings.hardest),
        dataset=Mixture(pieces),
        collate=partial(batched, outputs=preset.config.outputs),
        groups=parameter_groups(net, net.pretrained, settings.encoder_lr_scale, early),
        encoder=net.pretrained,
        kind="detector",
        part=detector,
    )


def detector(net: BridgingNet | FcrnPair) -> BridgingDetector:
    """The detector with a network in training; what is little certain is reported, too."""
    device = next(net.parameters()).device
    return BridgingDetector(net, min_confidence=LITTLE, device=device)
