"""RGSN fine-tuned on one object: its decoder, on crops of the annotated frames; once an object.

Source: the authors' release of PTSNet (arXiv 1907.01203), which tunes the whole network for 800
steps on warped copies of the first frame. Differs: the decoder alone, a budget.
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
from propago.methods.rgsn.examples import FRAMES, CropExamples, collate
from propago.methods.rgsn.net import RgsnNet
from propago.methods.rgsn.objective import CropBatch, RgsnObjective
from propago.nn.sharing import with_part

DECODER = "decoder."

SETTINGS = FineTuneSettings(learning_rate=2e-4, batch=2, check_every_steps=10)

DAMAGED = 0.4
"""Of `RgsnObjective`, as in training."""

KEPT = 3
"""So many annotated frames are learnt from: the first, and the latest others."""


@dataclass(frozen=True)
class _Example:
    """Crops, and the chance of the damage to the masks of later references."""

    crops: CropBatch
    seed: int


@dataclass(frozen=True)
class _WarpedClips:
    """Clips of one object: an annotated frame or its mirror image, then warped copies."""

    frames: Sequence[AnnotatedFrame]
    object_id: int

    def sample(self, rng: np.random.Generator) -> Clip:
        frame = self.frames[int(rng.integers(len(self.frames)))]
        return Clip(*warped_clip(rng, frame.picture, frame.rows([self.object_id]), FRAMES))


def fine_tuned_decoder(
    net: RgsnNet, object_id: int, frames: Sequence[AnnotatedFrame], finetune: FineTuning
) -> dict[str, Tensor] | None:
    """Parameters of the decoder fine-tuned on an object, by name; None where no frame shows it.

    Raises:
        KeyboardInterrupt: the same call goes on where this one was.
    """
    shown = [frame for frame in frames if object_id in frame.ids]
    if not shown:
        return None
    device = next(net.parameters()).device
    crops = CropExamples(_WarpedClips(shown, object_id), net.config.side)
    return finetune.tensors(
        f"object {object_id}",
        net,
        ("rgsn", net.config, DAMAGED, MOTION, object_id, shown),
        trainable=lambda name: name.startswith(DECODER),
        loss=_loss,
        draw=lambda rng: _draw(rng, crops, device),
        settings=SETTINGS,
    )


def with_decoder(net: RgsnNet, decoder: Mapping[str, Tensor] | None) -> RgsnNet:
    """`net` itself without `decoder`, else a network with that decoder that shares all else."""
    return with_part(net, "decoder", decoder)


def _loss(net: nn.Module, example: _Example) -> Tensor:
    assert isinstance(net, RgsnNet)
    return RgsnObjective(net, DAMAGED)(example.crops, example.seed)[0]


def _draw(rng: np.random.Generator, crops: CropExamples, device: torch.device) -> _Example:
    batch = CropBatch(*(part.to(device) for part in collate([crops.sample(rng)])))
    return _Example(batch, int(rng.integers(2**31)))
