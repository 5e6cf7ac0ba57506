"""MaskRNN without its parts: ours from cells; of such values of the paper we know none for sure.

Source: Hu, Huang, Schwing, "MaskRNN: Instance Level Video Object Segmentation", NIPS 2017.
"""

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from propago.clock import Clock
from propago.methods.maskrnn.net import PRESETS, Estimate, MaskRnnNet
from propago.methods.maskrnn.run import MaskRnn, MaskRnnFeatures, MaskRnnSettings, MaskRnnState
from propago.nn.inference import choose_device
from propago.nn.presets import load_network
from propago.papers.ablation import FULL, UNKNOWN, AblationTables
from propago.types import Annotation, SoftMasks


class _WithoutFlow(MaskRnnNet):
    """The motion stream sees that nothing moves."""

    def forward(self, images: Tensor, carried: Tensor, motion: Tensor, boxes: Tensor) -> Estimate:
        return super().forward(images, carried, torch.zeros_like(motion), boxes)


class _WithoutRecurrence(MaskRnn):
    """The annotated mask stands for the mask before in every frame."""

    def update(
        self,
        state: MaskRnnState,
        features: MaskRnnFeatures,
        masks: SoftMasks,
        annotation: Annotation | None,
    ) -> MaskRnnState:
        after = super().update(state, features, masks, annotation)
        if annotation is not None or after.ids != state.ids:
            return after
        return replace(after, masks=state.masks, boxes=state.boxes)


class MaskRnnTables(AblationTables):
    """The localisation, the flow stream, and the recurrence."""

    title = "MaskRNN: what each part is worth"
    paper: ClassVar = {
        FULL: (None, 0.605, None),
        "no-localisation": UNKNOWN,
        "no-flow-stream": UNKNOWN,
        "no-recurrence": UNKNOWN,
    }
    tables: ClassVar = {1: tuple(paper)}
    notes = (
        "The paper: DAVIS 2017 val, 30 sequences (as the table of STM prints it); VGG-16, FlowNet "
        "2, fine-tuned on the first frame.",
        "Parts are left out at test only, the network is trained with them. no-localisation: masks "
        "count in the whole frame. no-flow-stream: it sees no movement; masks are carried by flow. "
        "no-recurrence: the annotated mask is fed in place of the one before.",
    )

    def method(self, row: str, clock: Clock) -> MaskRnn:
        """MaskRNN as the row wants it."""
        options = self.options
        build = _WithoutFlow if row == "no-flow-stream" else MaskRnnNet
        net, about = load_network(PRESETS, build, options.preset, options.weights)
        size = options.size or PRESETS[options.preset].size
        settings = MaskRnnSettings(size, localised=row != "no-localisation")
        kind = _WithoutRecurrence if row == "no-recurrence" else MaskRnn
        return kind(net, settings, choose_device(options.device), about)
