"""The training of RGMP: clips in which one object is followed; those of two frames are pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from propago.data.clips import Clip
from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import ClipSettings, TrainingTask, parameter_groups, stacked
from propago.methods.rgmp.net import PRESETS, RgmpNet
from propago.methods.rgmp.objective import ObjectClips, RgmpObjective
from propago.methods.rgmp.run import Rgmp
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.ranges import ranged
from propago.types import VOID


@dataclass(frozen=True)
class RgmpTraining(ClipSettings):
    """What examples look like, and how what is fed back is damaged.

    Attributes:
        frames: 2 are the pairs of the first stage.
        damaged: share of the masks fed back that are damaged.
    """

    damaged: float = ranged(0.4, least=0, most=1)


def task(settings: RgmpTraining, sources: Sources) -> TrainingTask:
    """An untrained network that learns from clips.

    Raises:
        UsageError: no such preset, or a source without clips.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(RgmpNet(preset.config))
    clips = [
        (weight, source.clips(settings.size, settings.frames, settings.max_objects))
        for weight, source in sources
    ]
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=RgmpObjective(net, settings.damaged),
        dataset=Mixture(clips),
        collate=collate,
        groups=parameter_groups(net, net.pretrained, settings.encoder_lr_scale),
        encoder=net.pretrained,
        kind="propagator",
        part=propagator,
    )


def collate(clips: Sequence[Clip]) -> ObjectClips:
    """Clips of equal size; of each the first object, all others are not it.

    Objects are numbered in random order.
    """
    masks = [np.where(clip.labels == VOID, VOID, clip.labels == 1) for clip in clips]
    return ObjectClips(
        stacked([clip.images.transpose(0, 3, 1, 2) for clip in clips]),
        stacked([mask.astype(np.uint8) for mask in masks]),
    )


def propagator(net: RgmpNet) -> Rgmp:
    """The method with a network in training."""
    return Rgmp(net, device=next(net.parameters()).device)
