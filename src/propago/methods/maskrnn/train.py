"""The training of MaskRNN: clips in which one object is followed, with the flow between frames."""

from dataclasses import dataclass

from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import ClipSettings, TrainingTask, parameter_groups
from propago.methods.maskrnn.examples import collate
from propago.methods.maskrnn.net import PRESETS, MaskRnnNet
from propago.methods.maskrnn.objective import MaskRnnObjective
from propago.methods.maskrnn.run import MaskRnn
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.ranges import ranged


@dataclass(frozen=True)
class MaskRnnTraining(ClipSettings):
    """What examples look like, and how what is fed back is damaged.

    Attributes:
        frames: of a clip, of which all but the first are predicted; the paper has 7.
        damaged: share of the masks fed back that are damaged.
        jaccard: weight of the soft Jaccard distance; 0 is the paper's.
    """

    damaged: float = ranged(0.3, least=0, most=1)
    jaccard: float = ranged(1.0, least=0)


def task(settings: MaskRnnTraining, sources: Sources) -> TrainingTask:
    """An untrained network that learns from clips.

    A clip has one frame more than it needs, and its first is left out: that of a real clip may lie
    far from the others, where flow says nothing.

    Raises:
        UsageError: no such preset, or a source without clips.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(MaskRnnNet(preset.config))
    clips = [
        (weight, source.clips(settings.size, settings.frames + 1, settings.max_objects))
        for weight, source in sources
    ]
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=MaskRnnObjective(net, settings.damaged, settings.jaccard),
        dataset=Mixture(clips),
        collate=collate,
        groups=parameter_groups(net, net.pretrained, settings.encoder_lr_scale),
        encoder=net.pretrained,
        kind="propagator",
        part=propagator,
    )


def propagator(net: MaskRnnNet) -> MaskRnn:
    """The method with a network in training."""
    return MaskRnn(net, device=next(net.parameters()).device)
