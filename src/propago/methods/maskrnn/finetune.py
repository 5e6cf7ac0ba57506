"""MaskRNN fine-tuned on one object: what its appearance stream concludes, on annotated frames.

Source: Hu et al., NIPS 2017, who fine-tune on the first frame of a video. Differs: the side outputs
of the appearance stream alone, on clips of warped copies, within a budget.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from torch import Tensor

from propago.data.clips import Clip
from propago.finetune.annotated import AnnotatedFrame
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneSettings
from propago.finetune.objects import ObjectTuning, WarpedClips
from propago.methods.maskrnn.examples import collate
from propago.methods.maskrnn.net import MaskRnnNet
from propago.methods.maskrnn.objective import MaskRnnObjective, MotionClips
from propago.nn.sharing import with_part

HEAD = "seen"

SETTINGS = FineTuneSettings(learning_rate=1e-3, check_every_steps=10)

DAMAGED = 0.5
"""Of `MaskRnnObjective`, more than in training: the object shall be known where its mask is not."""

CLIP_FRAMES = 3


def fine_tuned_head(
    net: MaskRnnNet, object_id: int, frames: Sequence[AnnotatedFrame], finetune: FineTuning
) -> dict[str, Tensor] | None:
    """The side outputs of the appearance stream fine-tuned on an object, by parameter name.

    None where no frame shows it.

    Raises:
        KeyboardInterrupt: the same call goes on where this one was.
    """
    parts = ("maskrnn", net.config, DAMAGED, CLIP_FRAMES)
    return tuning().tensors(net, object_id, frames, finetune, parts)


def with_head(net: MaskRnnNet, head: Mapping[str, Tensor] | None) -> MaskRnnNet:
    """`net` itself without `head`, else a network with that head that shares all else."""
    return with_part(net, HEAD, head)


def tuning() -> ObjectTuning:
    """What is fine-tuned, on what, and how."""
    objective = partial(MaskRnnObjective, damaged=DAMAGED)
    return ObjectTuning(HEAD, CLIP_FRAMES, _drawn, objective, SETTINGS)


def _drawn(rng: np.random.Generator, clips: WarpedClips) -> MotionClips:
    """A clip that begins with its first frame twice: there the object does not move."""
    clip = clips.sample(rng)
    return collate([Clip(*(np.concatenate([p[:1], p]) for p in (clip.images, clip.labels)))])
