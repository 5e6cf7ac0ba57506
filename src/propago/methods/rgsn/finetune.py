"""RGSN fine-tuned on one object: its decoder, on crops of the annotated frames; once an object.

Source: the authors' release of PTSNet (arXiv 1907.01203), which tunes the whole network for 800
steps on warped copies of the first frame. Differs: the decoder alone, a budget.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from torch import Tensor

from propago.finetune.annotated import AnnotatedFrame
from propago.finetune.fine_tuning import FineTuning
from propago.finetune.loop import FineTuneSettings
from propago.finetune.objects import ObjectTuning, WarpedClips
from propago.methods.rgsn.examples import FRAMES, CropExamples, collate
from propago.methods.rgsn.net import RgsnNet
from propago.methods.rgsn.objective import CropBatch, RgsnObjective
from propago.nn.sharing import with_part

DECODER = "decoder"

SETTINGS = FineTuneSettings(learning_rate=2e-4, batch=2, check_every_steps=10)

DAMAGED = 0.4
"""Of `RgsnObjective`, as in training."""


def fine_tuned_decoder(
    net: RgsnNet, object_id: int, frames: Sequence[AnnotatedFrame], finetune: FineTuning
) -> dict[str, Tensor] | None:
    """Parameters of the decoder fine-tuned on an object, by name; None where no frame shows it.

    Raises:
        KeyboardInterrupt: the same call goes on where this one was.
    """
    parts = ("rgsn", net.config, DAMAGED)
    return tuning(net).tensors(net, object_id, frames, finetune, parts)


def with_decoder(net: RgsnNet, decoder: Mapping[str, Tensor] | None) -> RgsnNet:
    """`net` itself without `decoder`, else a network with that decoder that shares all else."""
    return with_part(net, DECODER, decoder)


def tuning(net: RgsnNet) -> ObjectTuning:
    """What of `net` is fine-tuned, on what, and how."""
    drawn, objective = partial(_drawn, net.config.side), partial(RgsnObjective, damaged=DAMAGED)
    return ObjectTuning(DECODER, FRAMES, drawn, objective, SETTINGS)


def _drawn(side: int, rng: np.random.Generator, clips: WarpedClips) -> CropBatch:
    return collate([CropExamples(clips, side).sample(rng)])
