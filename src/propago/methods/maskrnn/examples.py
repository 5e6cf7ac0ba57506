"""What MaskRNN learns from: clips in which one object is followed, with the flow between frames."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from propago.data.clips import Clip
from propago.data.objects import visible_objects
from propago.data.task import stacked
from propago.methods.maskrnn.objective import MotionClips
from propago.ops.flow import dis_flow
from propago.types import VOID


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
