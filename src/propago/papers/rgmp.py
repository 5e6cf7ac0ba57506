"""RGMP without its parts: the values of the authors' issue tracker, ours from cells.

Source: Oh et al., "Fast Video Object Segmentation by Reference-Guided Mask Propagation", CVPR 2018.
"""

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from propago.clock import Clock
from propago.methods.rgmp.net import PRESETS, RgmpNet
from propago.methods.rgmp.run import Rgmp, RgmpSettings
from propago.nn.inference import choose_device
from propago.nn.presets import load_network
from propago.papers.ablation import FULL, UNKNOWN, AblationTables


class _WithoutReference(RgmpNet):
    """Of the annotated frame the picture is known, not the mask."""

    def reference(self, images: Tensor, masks: Tensor) -> Tensor:
        return super().reference(images, torch.zeros_like(masks))


class _WithoutPrevious(RgmpNet):
    """The mask before is not fed back."""

    def levels(self, reference: Tensor, images: Tensor, previous: Tensor) -> list[Tensor]:
        return super().levels(reference, images, torch.zeros_like(previous))


NETWORKS = {"no-reference": _WithoutReference, "no-previous-mask": _WithoutPrevious}

TRAINED = {
    "no-video": Path("runs/train/rgmp-compact-pairs/rgmp-compact-pairs.safetensors"),
    "no-pre-training": Path("runs/train/rgmp-compact-video/rgmp-compact-video.safetensors"),
}
"""Rows of networks that are not in the package: what `propago train` of their recipes leaves."""


class RgmpTables(AblationTables):
    """The reference, the mask before, and both stages of the training."""

    title = "RGMP: what each part is worth"
    paper: ClassVar = {
        FULL: (0.818, 0.815, 0.820),
        "no-reference": UNKNOWN,
        "no-previous-mask": UNKNOWN,
        "no-video": UNKNOWN,
        "no-pre-training": (None, 0.686, 0.689),
    }
    tables: ClassVar = {1: tuple(paper)}
    notes = (
        "The paper: DAVIS 2016 val, 20 sequences of one object, three scales; ResNet-50.",
        "no-reference, no-previous-mask: left out at test only, the network is trained with them. "
        "no-video: after `propago train rgmp-compact-pairs` alone. no-pre-training: `propago train "
        "rgmp-compact-video`, as many steps of video as rgmp-compact, without the pairs before.",
    )

    def method(self, row: str, clock: Clock) -> Rgmp:
        """RGMP as the row wants it."""
        options = self.options
        weights = TRAINED.get(row, options.weights)
        build = NETWORKS.get(row, RgmpNet)
        net, about = load_network(PRESETS, build, options.preset, weights)
        settings = RgmpSettings(options.size or PRESETS[options.preset].size)
        return Rgmp(net, settings, choose_device(options.device), about)
