"""MaskRNN fine-tuned on one object: what its appearance stream concludes, on annotated frames.

Source: Hu et al., NIPS 2017, who fine-tune on the first frame of a video. Differs: the side outputs
of the appearance stream alone, on clips of warped copies, within a budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from propago.data.clips import Clip
from propago.finetune.annotated import AnnotatedFrame
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneSettings
from propago.finetune.warp import MOTION, warped_clip
from propago.methods.maskrnn.examples import collate
from propago.methods.maskrnn.net import MaskRnnNet
from propago.methods.maskrnn.objective import MaskRnnObjective, MotionClips
from propago.nn.sharing import with_part

HEAD = "seen"

SETTINGS = FineTuneSettings(learning_rate=1e-3, check_every_steps=10)

DAMAGED = 0.5
"""Of `MaskRnnObjective`, more than in training: the object shall be known where its mask is not."""

CLIP_FRAMES = 3

KEPT = 3
"""So many annotated frames are learnt from: the first, and the latest others."""


@dataclass(frozen=True)
class _Example:
    """A clip, and the chance of the damage to what is fed back."""

    clip: MotionClips
    seed: int


def fine_tuned_head(
    net: MaskRnnNet, object_id: int, frames: Sequence[AnnotatedFrame], finetune: FineTuning
) -> dict[str, Tensor] | None:
    """The side outputs of the appearance stream fine-tuned on an object, by parameter name.

    None where no frame shows it.

    Raises:
        KeyboardInterrupt: the same call goes on where this one was.
    """
    shown = [frame for frame in frames if object_id in frame.ids]
    if not shown:
        return None
    device = next(net.parameters()).device
    return finetune.tensors(
        f"object {object_id}",
        net,
        ("maskrnn", net.config, DAMAGED, CLIP_FRAMES, MOTION, object_id, shown),
        trainable=lambda name: name.startswith(f"{HEAD}."),
        loss=_loss,
        draw=lambda rng: _draw(rng, shown, object_id, device),
        settings=SETTINGS,
    )


def with_head(net: MaskRnnNet, head: Mapping[str, Tensor] | None) -> MaskRnnNet:
    """`net` itself without `head`, else a network with that head that shares all else."""
    return with_part(net, HEAD, head)


def _loss(net: nn.Module, example: _Example) -> Tensor:
    assert isinstance(net, MaskRnnNet)
    return MaskRnnObjective(net, DAMAGED)(example.clip, example.seed)[0]


def _draw(
    rng: np.random.Generator,
    frames: Sequence[AnnotatedFrame],
    object_id: int,
    device: torch.device,
) -> _Example:
    """A clip of one annotated frame: itself or its mirror image, then warped copies."""
    frame = frames[int(rng.integers(len(frames)))]
    images, labels = warped_clip(rng, frame.picture, frame.rows([object_id]), CLIP_FRAMES)
    clip = collate([Clip(*(np.concatenate([part[:1], part]) for part in (images, labels)))])
    return _Example(MotionClips(*(part.to(device) for part in clip)), int(rng.integers(2**31)))
