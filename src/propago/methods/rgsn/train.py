"""The training of RGSN: crops around one object, out of clips of five frames."""

from dataclasses import dataclass

from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import ImageSettings, TrainingTask, parameter_groups
from propago.methods.rgsn.examples import FRAMES, CropExamples, collate
from propago.methods.rgsn.net import PRESETS, RgsnNet, of_two_encodings
from propago.methods.rgsn.objective import RgsnObjective
from propago.methods.rgsn.run import Rgsn
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.ranges import ranged


@dataclass(frozen=True)
class RgsnTraining(ImageSettings):
    """What examples look like, and how references are damaged.

    Attributes:
        height: of the clips that crops are cut out of, in pixels.
        width: the same.
        side: of a crop in pixels; 0: the preset's.
        max_objects: at most so many objects of a clip are told apart, of which one is followed.
        damaged: share of the masks of later references that are damaged.
    """

    side: int = ranged(0, least=0)
    max_objects: int = ranged(2, least=1)
    damaged: float = ranged(0.4, least=0, most=1)


def task(settings: RgsnTraining, sources: Sources) -> TrainingTask:
    """An untrained network that learns from crops.

    Raises:
        UsageError: no such preset, or a source without clips.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(RgsnNet(preset.config))
    clips = [
        (weight, source.clips(settings.size, FRAMES, settings.max_objects))
        for weight, source in sources
    ]
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=RgsnObjective(net, settings.damaged),
        dataset=CropExamples(Mixture(clips), settings.side or preset.config.side),
        collate=collate,
        groups=parameter_groups(net, net.pretrained, settings.encoder_lr_scale),
        encoder=net.pretrained,
        kind="propagator",
        part=propagator,
        relatives={f"rgmp/{settings.preset}": of_two_encodings},
    )


def propagator(net: RgsnNet) -> Rgsn:
    """The method with a network in training."""
    return Rgsn(net, device=next(net.parameters()).device)
