"""The training of MaskRNN: clips in which one object is followed, with the flow between frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from propago.data.clips import Clip
from propago.data.mixture import Mixture
from propago.data.objects import visible_objects
from propago.data.sources import Sources
from propago.data.task import ClipSettings, TrainingTask, parameter_groups, stacked
from propago.methods.maskrnn.net import PRESETS, MaskRnnNet
from propago.methods.maskrnn.objective import MaskRnnObjective, MotionClips
from propago.methods.maskrnn.run import MaskRnn
from propago.nn.inference import channels_last
from propago.nn.presets import preset_called
from propago.ops.flow import dis_flow
from propago.ranges import ranged
from propago.types import VOID


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


def collate(clips: Sequence[Clip]) -> MotionClips:
    """Clips of equal size without their first frame; of each one object, all others are not it.

    It is the first, which is a random one, of those that the second frame shows.
    """
    images = [clip.images[1:] for clip in clips]
    flows = [_flows(row) for row in images]
    masks = [_followed(clip.labels[1:]) for clip in clips]
    return MotionClips(
        stacked([row.transpose(0, 3, 1, 2) for row in images]),
        stacked(masks),
        stacked([back for back, _ in flows]),
        stacked([ahead for _, ahead in flows]),
    )


def _followed(labels: np.ndarray) -> np.ndarray:
    """(T, H, W) uint8: 1 on the first object that the first of `labels` shows, 255 on void."""
    chosen = next(iter(visible_objects(labels[0])), 1)
    return np.where(labels == VOID, VOID, labels == chosen).astype(np.uint8)


def _flows(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The flows of all but the first of `images` (T, H, W, 3), see `MotionClips`."""
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    back = [dis_flow(now, before) for before, now in pairwise(greys)]
    ahead = [dis_flow(now, after) for now, after in pairwise(greys[1:])]
    return np.stack(back), np.stack([*ahead, np.zeros_like(back[0])])


def propagator(net: MaskRnnNet) -> MaskRnn:
    """The method with a network in training."""
    return MaskRnn(net, device=next(net.parameters()).device)
