"""The training of FEELVOS: clips of a few frames with the flow between them."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from propago.data.clips import Clip
from propago.data.mixture import Mixture
from propago.data.sources import Sources
from propago.data.task import ClipSettings, TrainingTask, parameter_groups, stacked
from propago.methods.feelvos.net import PRESETS, FeelvosNet, network_of
from propago.methods.feelvos.objective import ClipBatch, FeelvosObjective
from propago.methods.feelvos.original import OriginalNet
from propago.methods.feelvos.original_objective import FrameBatch, OriginalObjective
from propago.methods.feelvos.original_run import OriginalFeelvos
from propago.methods.feelvos.run import Feelvos
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.ops.flow import dis_flow


def task(settings: ClipSettings, sources: Sources) -> TrainingTask:
    """An untrained network that learns from clips.

    Raises:
        UsageError: no such preset, sides that the stride does not divide, a source without clips.
        SourceError: a source that is no such data.
    """
    preset = preset_called(PRESETS, settings.preset)
    net = channels_last(network_of(preset.config))
    original = isinstance(net, OriginalNet)
    if isinstance(net, FeelvosNet):
        settings.require_divided(net.config.match_stride)
    clips = [
        (weight, source.clips(settings.size, settings.frames, settings.max_objects))
        for weight, source in sources
    ]
    return TrainingTask(
        network=preset.network,
        net=net,
        objective=OriginalObjective(net) if original else FeelvosObjective(net),
        dataset=Mixture(clips),
        collate=frames_alone if original else collate,
        groups=parameter_groups(net, net.pretrained, settings.encoder_lr_scale),
        encoder=net.pretrained,
        kind="propagator",
        part=propagator,
    )


def collate(clips: Sequence[Clip]) -> ClipBatch:
    """Clips of equal size with the flow from each frame to the one before it."""
    return ClipBatch(
        stacked([clip.images.transpose(0, 3, 1, 2) for clip in clips]),
        stacked([clip.labels for clip in clips]),
        stacked([backward_flow(clip.images) for clip in clips]),
    )


def frames_alone(clips: Sequence[Clip]) -> FrameBatch:
    """Clips of equal size, for the paper's network, which knows no flow."""
    return FrameBatch(
        stacked([clip.images.transpose(0, 3, 1, 2) for clip in clips]),
        stacked([clip.labels for clip in clips]),
    )


def backward_flow(images: np.ndarray) -> np.ndarray:
    """(T - 1, 2, H, W) flow in pixels of `images` (T, H, W, 3) uint8 RGB."""
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    return np.stack([dis_flow(now, before) for before, now in pairwise(greys)])


def propagator(net: FeelvosNet | OriginalNet) -> Feelvos | OriginalFeelvos:
    """The method with a network in training."""
    device = next(net.parameters()).device
    if isinstance(net, OriginalNet):
        return OriginalFeelvos(net, device=device)
    return Feelvos(net, device=device)
