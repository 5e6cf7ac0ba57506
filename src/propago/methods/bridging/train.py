"""The training of Bridging: pieces of pictures with the classes of their instances."""

from collections.abc import Sequence
from dataclasses import dataclass

from propago.data.instances import InstanceExample, InstancePieces
from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import ImageSettings, TrainingTask, parameter_groups
from propago.errors import UsageError
from propago.methods.bridging.net import PRESETS, BridgingNet, FcrnPair, bridging_net
from propago.methods.bridging.objective import HARDEST, BridgingObjective
from propago.methods.bridging.run import BridgingDetector
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.nn.rcnn_targets import Instances, batched
from propago.ranges import ranged

LITTLE = 0.05
"""What validation counts as found."""


@dataclass(frozen=True)
class BridgingTraining(ImageSettings):
    """What examples look like, and what of them is learnt.

    Attributes:
        height: of an example in pixels; 32 divides it.
        width: of an example in pixels; 32 divides it.
        frozen_stride: what the encoder computes down to this stride is not trained.
        hardest: K, at least so many positions of a batch are learnt from; 0: all are.
    """

    height: int = ranged(288, least=32)
    width: int = ranged(352, least=32)
    frozen_stride: int = ranged(0, least=0)
    hardest: int = ranged(HARDEST, least=0)

    def __post_init__(self) -> None:
        """Refuse what is out of range.

        Raises:
            UsageError: it names the setting and what is legal.
        """
        super().__post_init__()
        for name in ("height", "width"):
            if getattr(self, name) % 32:
                raise UsageError(f"{name} = {getattr(self, name)}: 32 divides it")


def task(settings: BridgingTraining, sources: Sources) -> TrainingTask:
    """An untrained network that learns from pictures.

    Raises:
        UsageError: no such preset, or a source without classes.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(bridging_net(preset.config))
    pieces = [(w, InstancePieces(source.instances(), settings.size)) for w, source in sources]
    outputs, early = preset.config.outputs, net.early(settings.frozen_stride)

    def collate(examples: Sequence[InstanceExample]) -> Instances:
        return batched(examples, outputs)

    return TrainingTask(
        network=preset.network,
        net=net,
        objective=BridgingObjective(net, settings.hardest),
        dataset=Mixture(pieces),
        collate=collate,
        groups=parameter_groups(net, net.pretrained, settings.encoder_lr_scale, early),
        encoder=net.pretrained,
        kind="detector",
        part=detector,
    )


def detector(net: BridgingNet | FcrnPair) -> BridgingDetector:
    """The detector with a network in training; what is little certain is reported, too."""
    device = next(net.parameters()).device
    return BridgingDetector(net, min_confidence=LITTLE, device=device)
