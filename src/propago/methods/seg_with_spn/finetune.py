"""Seg-with-SPN fine-tuned on one video: which picture, which masks.

Source: Cheng et al., "Learning to Segment Instances in Videos with Spatial Propagation Network",
DAVIS challenge 2017, section 3. The paper has one annotated frame; here there may be several.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from propago.finetune.annotated import AnnotatedFrame
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.warp import WarpSettings, warp_pair
from propago.methods.seg_with_spn.net import SegNet
from propago.methods.seg_with_spn.objective import SegBatch
from propago.methods.seg_with_spn.settings import SegSettings
from propago.nn.losses import seg_loss
from propago.types import VOID

EARLIER = 1 / 3
"""How often an annotated frame is drawn, for each time the next later one is: of two frames the
later gets 3/4 of the draws, of many 2/3. So each counts more than all before it together: where
two contradict each other, the later one wins."""


@dataclass(frozen=True)
class Example:
    """A picture, and what is to be said of it.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        target: (H, W) uint8: n for the n-th output, 0 background, 255 nobody knows.
    """

    picture: np.ndarray
    target: np.ndarray


def fine_tuned(
    what: str,
    net: SegNet,
    examples: Sequence[Example],
    finetune: FineTuning,
    settings: SegSettings,
) -> dict[str, Tensor]:
    """Parameters of `net` fine-tuned on `examples`, by name, on its device.

    Args:
        what: named in the progress.
        net: the parent; it does not change.
        examples: one or more, in order of time.
        finetune: how long, and where the parameters are kept.
        settings: of the method.

    Raises:
        KeyboardInterrupt: the same call goes on where this one was.
    """
    device = next(net.parameters()).device

    def loss(copied: nn.Module, batch: SegBatch) -> Tensor:
        there = SegBatch(batch.images.to(device), batch.truth.to(device))
        return seg_loss(copied(there.pictures), there.truth, settings.jaccard)[0]

    parameters = finetune.tensors(
        what,
        net,
        ("seg_with_spn", net.config, settings.jaccard, settings.warp, tuple(examples)),
        trainable=lambda name: not name.startswith(settings.frozen),
        loss=loss,
        draw=partial(draw, examples=examples, warp=settings.warp),
        settings=settings.finetune,
    )
    return {name: tensor.to(device) for name, tensor in parameters.items()}


def remembered(
    frames: Sequence[AnnotatedFrame], ids: Sequence[int], most: int
) -> tuple[AnnotatedFrame, ...]:
    """The first frame, the latest others, `most` together; and the latest that shows each object.

    Args:
        frames: in order of time.
        ids: the objects that are followed.
        most: at least 2.
    """
    shown = [frame.ids for frame in frames]
    latest = {max((n for n, there in enumerate(shown) if i in there), default=0) for i in ids}
    late = len(frames) - most
    return tuple(f for n, f in enumerate(frames) if n == 0 or n > late or n in latest)


def foreground_examples(frames: Sequence[AnnotatedFrame]) -> tuple[Example, ...]:
    """Any object of the annotated frames, in order of time, is foreground."""
    return tuple(
        Example(frame.picture, np.where(frame.void, VOID, frame.labels > 0).astype(np.uint8))
        for frame in frames
    )


def object_examples(frames: Sequence[AnnotatedFrame], ids: Sequence[int]) -> tuple[Example, ...]:
    """The objects `ids` are the outputs of one network; all others are background.

    Annotated frames, in order of time, that show none of them say nothing of them and are left out.
    """
    return tuple(
        Example(frame.picture, frame.rows(ids)) for frame in frames if set(ids) & set(frame.ids)
    )


def draw(rng: np.random.Generator, examples: Sequence[Example], warp: WarpSettings) -> SegBatch:
    """One of the examples, late ones more often (`EARLIER`), warped.

    Args:
        rng: decides which, and the warp.
        examples: one or more, in order of time.
        warp: how far it goes.

    Returns:
        One picture, (1, 3, H, W), and its truth, (1, H, W); on the CPU.
    """
    chances = np.array([EARLIER**age for age in reversed(range(len(examples)))])
    example = examples[rng.choice(len(examples), p=chances / chances.sum())]
    picture, target = warp_pair(rng, example.picture, example.target, warp)
    image = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
    return SegBatch(image[None], torch.from_numpy(target)[None])
