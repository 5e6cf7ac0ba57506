"""The training of the foreground network: pictures with what is foreground in them."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from torch import Tensor

from propago.data.clips import Clip
from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import ImageSettings, TrainingTask, parameter_groups, stacked
from propago.methods.seg_with_spn.net import PRESETS, SegNet, foreground_probability
from propago.methods.seg_with_spn.objective import SegBatch, SegObjective
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.types import VOID

MAX_OBJECTS = 3
"""Of rendered pictures; of the others all are foreground."""


def task(settings: ImageSettings, sources: Sources) -> TrainingTask:
    """An untrained foreground network that learns from pictures.

    Raises:
        UsageError: no such preset, or a source without pictures.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(SegNet(preset.config))
    pictures = [(weight, source.pictures(settings.size, MAX_OBJECTS)) for weight, source in sources]
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=SegObjective(net),
        dataset=Mixture(pictures),
        collate=collate,
        groups=parameter_groups(net, net.pretrained, settings.encoder_lr_scale),
        encoder=net.pretrained,
        kind="foreground",
        part=foreground,
    )


def collate(clips: Sequence[Clip]) -> SegBatch:
    """The first frames of clips of equal size; any labelled object is foreground."""
    labels = [clip.labels[0] for clip in clips]
    return SegBatch(
        stacked([clip.images[0].transpose(2, 0, 1) for clip in clips]),
        stacked([np.where(one == VOID, VOID, one > 0).astype(np.uint8) for one in labels]),
    )


def foreground(net: SegNet) -> Callable[[Tensor], Tensor]:
    """What finds the foreground, at the working size of the compact preset."""
    return partial(foreground_probability, net, short_px=PRESETS["compact"].size)
