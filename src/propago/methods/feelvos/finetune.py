"""FEELVOS fine-tuned on one video: its head, on the annotated frames; all else is frozen.

Not in the paper, whose point is to do without. An example is a clip of an annotated frame and
warped copies of it; the last is predicted from what was predicted before it, as in training, but
no gradient flows back to that. What is frozen sees an example while the step before is made.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from propago.finetune.annotated import AnnotatedFrame
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneSettings
from propago.finetune.warp import MOTION, warped_clip
from propago.methods.feelvos.net import FeelvosNet, FrameFeatures
from propago.methods.feelvos.objective import ClipBatch, FeelvosObjective
from propago.nn.inference import fast_precision
from propago.nn.sharing import with_part
from propago.ops.flow import dis_flow
from propago.types import VOID

HEAD = "head."

SETTINGS = FineTuneSettings(learning_rate=2e-4, check_every_steps=10, one_core=True)

HARDEST, DAMAGED = 0.25, 0.4
"""Of `FeelvosObjective`, as in training."""

SHARES = (0.8, 0.4)
"""Heads lie so far of the way from the network's own to the fine-tuned one; the first is best.

Weights between the two forget less of what the network knew (Wortsman et al., "Robust fine-tuning
of zero-shot models", CVPR 2022). Chosen on `val`, see docs/finetuning.md.
"""

CLIP_FRAMES = 3
MAX_OBJECTS = 4
"""So many are in an example, chosen by chance: memory does not grow with the objects."""


def fine_tuned_heads(
    net: FeelvosNet, frames: Sequence[AnnotatedFrame], finetune: FineTuning
) -> list[dict[str, Tensor]]:
    """Heads fine-tuned on `frames`, the parameters of each by name; none where they show no object.

    They are `SHARES` of the way from those of `net` to those that fine-tuning ends with.

    Raises:
        KeyboardInterrupt: the same call goes on where this one was.
    """
    shown = [frame for frame in frames if frame.ids]
    if not shown:
        return []
    made_of = ("feelvos", net.config, HARDEST, DAMAGED, CLIP_FRAMES, MAX_OBJECTS, MOTION, shown)
    tuned = finetune.tensors(
        "head",
        net,
        made_of,
        trainable=lambda name: name.startswith(HEAD),
        loss=_loss,
        draw=lambda rng: _draw(rng, shown, net),
        settings=SETTINGS,
    )
    own = dict(net.named_parameters())
    return [
        {name: torch.lerp(own[name].detach().to(end), end, share) for name, end in tuned.items()}
        for share in SHARES
    ]


def with_head(net: FeelvosNet, head: Mapping[str, Tensor] | None) -> FeelvosNet:
    """`net` itself without `head`, else a network with that head that shares all else."""
    return with_part(net, "head", head)


class Example(NamedTuple):
    """A clip, what the encoder sees of it, and the chance of the damage to its masks."""

    clip: ClipBatch
    seen: FrameFeatures
    seed: int


def _loss(net: nn.Module, example: Example) -> Tensor:
    assert isinstance(net, FeelvosNet)
    with fast_precision(net.sharpness.device):
        return _objective(net).compared(*example)[0]


def _objective(net: FeelvosNet) -> FeelvosObjective:
    return FeelvosObjective(net, HARDEST, DAMAGED, through_time=False)


@torch.no_grad()
def _draw(rng: np.random.Generator, frames: Sequence[AnnotatedFrame], net: FeelvosNet) -> Example:
    """A clip of one annotated frame: itself or its mirror image, then warped copies."""
    frame = frames[int(rng.integers(len(frames)))]
    images, maps = warped_clip(rng, frame.picture, _some_rows(rng, frame), CLIP_FRAMES)
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    flows = np.stack([dis_flow(now, past) for past, now in pairwise(greys)])
    parts = (images.transpose(0, 3, 1, 2), maps, flows)
    device = net.sharpness.device
    clip = ClipBatch(*(torch.from_numpy(part)[None].to(device) for part in parts))
    with fast_precision(device):
        seen = _objective(net).seen(clip.images)
    return Example(clip, seen, int(rng.integers(2**31)))


def _some_rows(rng: np.random.Generator, frame: AnnotatedFrame) -> np.ndarray:
    """(h, w) uint8 rows of at most `MAX_OBJECTS` objects; the others are void."""
    ids = list(frame.ids)
    chosen = [ids[i] for i in rng.permutation(len(ids))[:MAX_OBJECTS]]
    rows = frame.rows(chosen)
    rows[np.isin(frame.labels, [i for i in ids if i not in chosen])] = VOID
    return rows
