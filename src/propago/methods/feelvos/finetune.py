"""FEELVOS fine-tuned on one video: its head, on the annotated frames; all else is frozen.

Not in the paper, whose point is to do without. An example is a clip of an annotated frame and
warped copies of it; the last is predicted from what was predicted before it, as in training.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from propago.finetune.annotated import AnnotatedFrame
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneSettings
from propago.finetune.objects import Seeded
from propago.finetune.warp import MOTION, warped_clip
from propago.methods.feelvos.net import FeelvosNet
from propago.methods.feelvos.objective import ClipBatch, FeelvosObjective
from propago.nn.sharing import with_part
from propago.ops.flow import dis_flow
from propago.types import VOID

HEAD = "head."

SETTINGS = FineTuneSettings(learning_rate=2e-4, check_every_steps=10)

HARDEST, DAMAGED = 0.25, 0.4
"""Of `FeelvosObjective`, as in training."""

TAKEN = 0.8
"""The head that is used lies so far of the way from the network's own to the fine-tuned one.

Weights between the two forget less of what the network knew (Wortsman et al., "Robust fine-tuning
of zero-shot models", CVPR 2022). Chosen on `val`, see docs/finetuning.md.
"""

CLIP_FRAMES = 3
MAX_OBJECTS = 4
"""So many are in an example, chosen by chance: memory does not grow with the objects."""


def fine_tuned_head(
    net: FeelvosNet, frames: Sequence[AnnotatedFrame], finetune: FineTuning
) -> dict[str, Tensor] | None:
    """Parameters of the head fine-tuned on `frames`, by name; None where they show no object.

    They are `TAKEN` of the way from those of `net` to those that fine-tuning ends with.

    Raises:
        KeyboardInterrupt: the same call goes on where this one was.
    """
    shown = [frame for frame in frames if frame.ids]
    if not shown:
        return None
    device = net.sharpness.device
    made_of = ("feelvos", net.config, HARDEST, DAMAGED, CLIP_FRAMES, MAX_OBJECTS, MOTION, shown)
    tuned = finetune.tensors(
        "head",
        net,
        made_of,
        trainable=lambda name: name.startswith(HEAD),
        loss=_loss,
        draw=lambda rng: _draw(rng, shown, device),
        settings=SETTINGS,
    )
    own = dict(net.named_parameters())
    return {
        name: torch.lerp(own[name].detach().to(tensor), tensor, TAKEN)
        for name, tensor in tuned.items()
    }


def with_head(net: FeelvosNet, head: Mapping[str, Tensor] | None) -> FeelvosNet:
    """`net` itself without `head`, else a network with that head that shares all else."""
    return with_part(net, "head", head)


def _loss(net: nn.Module, example: Seeded) -> Tensor:
    assert isinstance(net, FeelvosNet)
    return FeelvosObjective(net, HARDEST, DAMAGED)(ClipBatch(*example.batch), example.seed)[0]


def _draw(
    rng: np.random.Generator, frames: Sequence[AnnotatedFrame], device: torch.device
) -> Seeded:
    """A clip of one annotated frame: itself or its mirror image, then warped copies."""
    frame = frames[int(rng.integers(len(frames)))]
    images, maps = warped_clip(rng, frame.picture, _some_rows(rng, frame), CLIP_FRAMES)
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    flows = np.stack([dis_flow(now, past) for past, now in pairwise(greys)])
    parts = (images.transpose(0, 3, 1, 2), maps, flows)
    clip = ClipBatch(*(torch.from_numpy(part)[None].to(device) for part in parts))
    return Seeded(clip, int(rng.integers(2**31)))


def _some_rows(rng: np.random.Generator, frame: AnnotatedFrame) -> np.ndarray:
    """(h, w) uint8 rows of at most `MAX_OBJECTS` objects; the others are void."""
    ids = list(frame.ids)
    chosen = [ids[i] for i in rng.permutation(len(ids))[:MAX_OBJECTS]]
    rows = frame.rows(chosen)
    rows[np.isin(frame.labels, [i for i in ids if i not in chosen])] = VOID
    return rows
